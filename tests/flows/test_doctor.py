"""What the doctor finds of the daemon, each with what helps."""

from connector.app import App
from connector.settings import load
from sync.store import replicas
from tests.flows.conftest import Cli


def test_it_says_whether_a_daemon_works_and_which(cli_on_sqlite: Cli) -> None:
    """None that works, one, and two of different versions."""

    def said() -> tuple[str, str]:
        found = {each["check"]: each for each in cli_on_sqlite("doctor", "--json").json["findings"]}
        return found["daemon"]["state"], found["daemon"]["detail"]

    with App(load()) as app:
        app.replicas.beat("web")
        assert said() == (
            "warning",
            "no process keeps the schedule and does runs; start one: connector serve",
        )
        with App(load()) as worker:
            worker.replicas.beat("worker")
        assert said()[0] == "ok"
        now = app.wires.clock()
        with app.wires.database.write() as conn:
            replicas.beat(conn, "old", version="0.0.1", role="worker", started_at=now, now=now)
        state, detail = said()
    assert (state, "side by side" in detail) == ("warning", True)
