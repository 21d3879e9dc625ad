"""What happens to machines and networks: the daemon says so plainly, loses nothing, and goes on by itself."""

import contextlib
import os
import resource
import signal
import sqlite3
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy.engine import make_url

from providers.simulator.server import Simulator
from tests.flows.conftest import Cli, surround
from tests.flows.daemons import Daemon, serving_daemon
from tests.postgres_server import Line, Server, server, until

Connect = Callable[..., dict[str, Any]]

_IN_TRANSACTION = """
    SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'
"""
pytestmark = pytest.mark.slow


@contextmanager
def replica(database_url: str | None = None) -> Iterator[Daemon]:
    """A daemon whose runs are free for others a second after it was last heard of."""
    url = database_url or os.environ["CONNECTOR_DATABASE_URL"]
    with serving_daemon(CONNECTOR_RUNS__LEASE="1s", CONNECTOR_DATABASE_URL=url) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    """A PostgreSQL that tests may restart."""
    with server() as made:
        yield made


@pytest.fixture
def own_cli(run_verb: Cli, postgres: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """The command line on a database of that server."""
    url = postgres.database(f"db_{os.urandom(4).hex()}")
    surround(monkeypatch, url, tmp_path)
    return run_verb


def push(daemon: Daemon, made: dict[str, Any], name: str) -> httpx.Response:
    return httpx.post(
        f"{daemon.url}/scim/v2/{made['id']}/Users",
        headers={"Authorization": f"Bearer {made['token']}"},
        json={
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": f"{name}@example.com",
            "emails": [{"value": f"{name}@example.com", "primary": True}],
        },
        trust_env=False,
        timeout=60,
    )


def read(daemon: Daemon, made: dict[str, Any], pushed: httpx.Response) -> int:
    """Whether somebody pushed before can be read."""
    path = f"/scim/v2/{made['id']}/Users/{pushed.json()['id']}"
    headers = {"Authorization": f"Bearer {made['token']}"}
    return httpx.get(daemon.url + path, headers=headers, trust_env=False, timeout=60).status_code


def answers(daemon: Daemon, path: str) -> int:
    return httpx.get(f"{daemon.url}{path}", trust_env=False, timeout=60).status_code


def says(daemon: Daemon, *events: str) -> bool:
    return any(line.get("event") in events for line in list(daemon.lines))


def ends(cli: Cli, run_id: str) -> None:
    until(lambda: cli("runs", "show", run_id, "--json").json["state"] not in ("queued", "running"))


def is_whole(cli: Cli, okta: Simulator) -> None:
    """Everybody is there once, and each event was told once."""
    assert cli("runs", "list", "--json").json["runs"][0]["state"] == "succeeded"
    active = {user["email"] for user in okta.state()["users"] if user["active"]}
    assert {user["email"] for user in cli("users", "list", "--json").json["users"]} >= active
    events = cli("events", "list", "--limit", "1000", "--json").json["events"]
    told = Counter((each["type"], each["subject"]["label"]) for each in events if each.get("subject"))
    assert set(told.values()) == {1}


def pause(daemon: Daemon, url: str) -> None:
    """Stop the process between two of its transactions: the locks of one it is in would hold up everybody."""

    def is_between() -> bool:
        os.kill(daemon.process.pid, signal.SIGSTOP)
        if not is_in_transaction(url):
            return True
        os.kill(daemon.process.pid, signal.SIGCONT)
        return False

    until(is_between)


def is_in_transaction(url: str) -> bool:
    """Whether somebody is in the middle of a write."""
    parsed = make_url(url)
    if parsed.drivername == "sqlite":
        try:
            with closing(sqlite3.connect(str(parsed.database), timeout=0, isolation_level=None)) as file:
                file.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        return False
    libpq = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(libpq, autocommit=True) as line:
        return bool(line.execute(_IN_TRANSACTION).fetchall())


def test_a_worker_paused_beyond_its_lease_can_write_nothing_more(
    cli: Cli, connect: Connect, okta: Simulator
) -> None:
    """Another one takes its run over; continued, it is refused by its fence, and nothing is applied twice."""
    connect(cli)
    asked = okta.requests()["total"]
    okta.fault("throttle(wait=600)", times=1_000)
    run_id = cli("sync", "now", "acme", "--yes", "--json").json["run_id"]
    with replica() as paused:
        until(lambda: okta.requests()["total"] > asked)
        pause(paused, os.environ["CONNECTOR_DATABASE_URL"])
        okta.clear_faults()
        with replica() as other:
            assert other.wait_for("run started")["resumed"]
            done = other.wait_for("run ended")
            assert (done["run"], done["state"]) == (run_id, "succeeded")
            os.kill(paused.process.pid, signal.SIGCONT)
            paused.wait_for("run taken over")
            is_whole(cli, okta)
        assert paused.terminate() == 0


def test_a_worker_cut_off_from_the_database_loses_its_run_to_another(
    own_cli: Cli, connect: Connect, okta: Simulator
) -> None:
    """Two replicas that are apart never both write: the one that still has the database goes on."""
    connect(own_cli)
    okta.fault("throttle(wait=600)", times=1_000)
    run_id = own_cli("sync", "now", "acme", "--yes", "--json").json["run_id"]
    asked = okta.requests()["total"]
    with tempfile.TemporaryDirectory() as folder:
        line = Line(os.environ["CONNECTOR_DATABASE_URL"], Path(folder))
        with replica(line.url) as lonely:
            until(lambda: okta.requests()["total"] > asked)
            line.cut()
            assert answers(lonely, "/readyz") == 503
            assert answers(lonely, "/livez") == 200
            assert "connector_database_up 0.0" in httpx.get(f"{lonely.url}/metrics", trust_env=False).text
            okta.clear_faults()
            with replica() as other:
                done = other.wait_for("run ended")
                assert (done["run"], done["state"]) == (run_id, "succeeded")
                line.mend()
                until(lambda: says(lonely, "run taken over", "run left to its lease"))
                until(lambda: answers(lonely, "/readyz") == 200)
                is_whole(own_cli, okta)
        line.close()


def test_a_database_that_restarts_is_waited_for(
    own_cli: Cli, connect: Connect, okta: Simulator, postgres: Server
) -> None:
    """Meanwhile pushes are told to come again; then pushes and runs work as before, by themselves."""
    made = connect(own_cli)
    with replica() as daemon:
        assert push(daemon, made, "before").status_code == 201
        postgres.stop()
        try:
            refused = push(daemon, made, "meanwhile")
            assert refused.status_code == 503
            assert int(refused.headers["retry-after"]) > 0
            assert answers(daemon, "/readyz") == 503
        finally:
            postgres.start()
        until(lambda: answers(daemon, "/readyz") == 200)
        until(lambda: push(daemon, made, "meanwhile").status_code == 201)
        ends(own_cli, own_cli("sync", "now", "acme", "--yes", "--json").json["run_id"])
        is_whole(own_cli, okta)
        assert not [line for line in daemon.lines if line.get("level") == "error"]


def test_a_database_that_only_lets_read_is_waited_for(
    own_cli: Cli, connect: Connect, okta: Simulator, postgres: Server
) -> None:
    """A standby after a failover: readers are answered, pushes come again, the doctor says what is wrong."""
    made = connect(own_cli)
    with replica() as daemon:
        before = push(daemon, made, "before")
        postgres.stand_by()
        try:
            refused = push(daemon, made, "meanwhile")
            assert (refused.status_code, int(refused.headers["retry-after"]) > 0) == (503, True)
            assert "database" in refused.json()["detail"]
            assert read(daemon, made, before) == 200
            (database, *_) = own_cli("doctor", "--json").json["findings"]
            assert (database["check"], database["state"]) == ("database", "failed")
            assert "database_url must lead to the primary" in database["detail"]
        finally:
            postgres.promote()
        until(lambda: push(daemon, made, "meanwhile").status_code == 201)
        ends(own_cli, own_cli("sync", "now", "acme", "--yes", "--json").json["run_id"])
        is_whole(own_cli, okta)
        assert not [line for line in daemon.lines if line.get("level") == "error"]


def test_cut_connections_are_made_anew(
    own_cli: Cli, connect: Connect, okta: Simulator, postgres: Server
) -> None:
    """Whoever ends every session of the daemon is noticed by nobody who pushes or pulls."""
    made = connect(own_cli)
    with replica() as daemon:
        for number in range(5):
            postgres.cut_everybody()
            assert push(daemon, made, f"person-{number}").status_code == 201
        ends(own_cli, own_cli("sync", "now", "acme", "--yes", "--json").json["run_id"])
        is_whole(own_cli, okta)


def test_a_full_disk_is_said_and_survived(cli_on_sqlite: Cli, connect: Connect, okta: Simulator) -> None:
    """While nothing can be written a push is told to come again and why; once it can, all goes on."""
    made = connect(cli_on_sqlite)
    with replica() as daemon:
        before = push(daemon, made, "before")
        pid, unlimited = daemon.process.pid, resource.RLIM_INFINITY
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, unlimited))
        refused = push(daemon, made, "meanwhile")
        assert refused.status_code == 503
        assert "disk" in refused.json()["detail"]
        assert answers(daemon, "/livez") == 200
        assert read(daemon, made, before) == 200
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))
        until(lambda: push(daemon, made, "meanwhile").status_code == 201)
        ends(cli_on_sqlite, cli_on_sqlite("sync", "now", "acme", "--yes", "--json").json["run_id"])
        is_whole(cli_on_sqlite, okta)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB in memory; only root may make one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a file system to fill can be mounted by root only")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path) -> Path:
    """A file that takes the last byte there is."""
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 4096)
    return filler


def test_a_run_outlives_a_file_system_without_a_byte_left(
    run_verb: Cli, small_disk: Path, connect: Connect, okta: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pushes and the run under way are refused, readers are not; with room again everybody is there once."""
    surround(monkeypatch, f"sqlite:///{small_disk / 'connector.db'}", small_disk)
    made = connect(run_verb)
    okta.fault("throttle(wait=600)", times=1_000)
    with replica() as daemon:
        before = push(daemon, made, "before")
        run_id = run_verb("sync", "now", "acme", "--yes", "--json").json["run_id"]
        daemon.wait_for("run started")
        filler = fill(small_disk)
        refused = [push(daemon, made, f"person-{number}") for number in range(3)]
        assert {each.status_code for each in refused} == {503}
        assert all(
            "disk is full" in each.json()["detail"] and each.headers["retry-after"] for each in refused
        )
        assert read(daemon, made, before) == 200
        okta.clear_faults()
        daemon.wait_for("lease not renewed", "run left to its lease")
        filler.unlink()
        for number in range(3):
            assert push(daemon, made, f"person-{number}").status_code == 201
        ends(run_verb, run_id)
        is_whole(run_verb, okta)
        assert not [line for line in daemon.lines if line.get("level") == "error"]
