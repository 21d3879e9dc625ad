"""Event hooks: a call makes somebody be read again, whatever it says; lies and repetitions do not."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.app import App
from connector.demo_server import Served, listen
from connector.settings import load
from connector.web.asgi import application
from providers import registry
from providers.simulator import server
from providers.simulator.server import Simulator
from sync.model.errors import BadRecord
from tests.flows.conftest import Cli, settings_of
from tests.serving import serving

TYPES = ("okta", "onelogin", "jumpcloud")
Connect = Callable[..., dict[str, Any]]


@pytest.fixture
def served(cli: Cli) -> Iterator[str]:
    """The program's address; no worker runs, so that queued runs can be looked at."""
    with App(load()) as app, serving(application(app)) as url:
        yield url


def _hooked(cli: Cli, served: str, directory: Simulator, name: str = "acme") -> str:
    """Pull everybody, switch the hook on and register it at the directory; its address."""
    assert cli("sync", "now", name, "--wait", "--yes").code == 0
    made = cli("hooks", "on", name, "--json").json
    url = served + made["url"].removeprefix("http://127.0.0.1:1")
    directory.hook(url, made["secret"])
    return url


def _runs(cli: Cli) -> list[dict[str, Any]]:
    return [run for run in cli("runs", "list", "--json").json["runs"] if run["trigger"] == "hook"]


def _active(cli: Cli) -> set[str]:
    return {user["email"] for user in cli("users", "list", "--active", "--json").json["users"]}


@pytest.mark.parametrize("type", TYPES)
def test_a_leaver_is_suspended_by_the_hook(cli: Cli, served: str, type: str) -> None:
    """The directory calls, the person is read by id and suspended; nobody else is read."""
    with server.start(type, users=60, groups=4, seed=7) as directory:
        assert cli("connections", "add", "acme", "--type", type, *settings_of(directory)).code == 0
        _hooked(cli, served, directory)
        directory.churn(leavers=1)
        assert set(directory.hooked()) == {202}
        (queued,) = _runs(cli)
        assert (queued["state"], queued["mode"]) == ("queued", "targeted")
        with App(load()) as worker:
            done = worker.runs.finish(queued["run_id"])
        assert (done.counts["suspend"], done.mode) == (1, "targeted")
        assert _active(cli) == {user["email"] for user in directory.state()["users"] if user["active"]}


@pytest.mark.parametrize(
    "fault", ["hook(forged)", "hook(verify)", "hook(duplicate)", "hook(flood)", "hook(late)"]
)
def test_lies_repetitions_and_floods_cause_one_read_at_most(
    cli_on_sqlite: Cli, connect: Connect, okta: Simulator, fault: str
) -> None:
    """Whatever happens to a call, it is answered 202 alike, and one run waits in the end."""
    cli = cli_on_sqlite
    connect(cli)
    with App(load()) as app, serving(application(app)) as url:
        _hooked(cli, url, okta)
        okta.fault(fault)
        okta.churn(leavers=1, renames=1)
        okta.hooked()
        okta.churn(renames=1)
        assert set(okta.hooked()) <= {202}
        waiting = _runs(cli)
        assert len(waiting) == 1
        shown = cli("hooks", "show", "acme", "--json").json
        assert (shown["refused_at"] is not None) == ("forged" in fault)


def test_a_repeated_message_causes_nothing(cli_on_sqlite: Cli, connect: Connect, okta: Simulator) -> None:
    """The same message after its run is over asks for no further one."""
    cli = cli_on_sqlite
    connect(cli)
    with App(load()) as app, serving(application(app)) as url:
        address = _hooked(cli, url, okta)
        secret = cli("hooks", "on", "acme", "--grace", "1d", "--json").json["secret"]
        body = {"eventId": "e-1", "data": {"events": [_suspended(okta.state()["users"][0]["id"])]}}
        headers = {"authorization": f"Bearer {secret}"}
        for _ in range(2):
            assert httpx.post(address, json=body, headers=headers).status_code == 202
            for run in _runs(cli):
                if run["state"] == "queued":
                    app.runs.finish(run["run_id"])
        assert len(_runs(cli)) == 1


def _suspended(id_: str) -> dict[str, Any]:
    return {"eventType": "user.lifecycle.suspend", "target": [{"type": "User", "id": id_}]}


def test_an_old_secret_is_good_until_its_grace_is_over(
    cli_on_sqlite: Cli, connect: Connect, okta: Simulator
) -> None:
    """Both secrets are believed while one is replaced; without grace only the new one; off, none."""
    cli = cli_on_sqlite
    connect(cli)
    secrets = [cli("hooks", "on", "acme", "--json").json["secret"] for _ in range(2)]
    with App(load()) as app, serving(application(app)) as url:
        address = f"{url}/hooks/{cli('connections', 'show', 'acme', '--json').json['id']}"

        def call(secret: str, id_: str) -> None:
            body = {"eventId": id_, "data": {"events": [_suspended(id_)]}}
            assert httpx.post(address, json=body, headers={"authorization": secret}).status_code == 202

        call(secrets[0], "00u0")
        call(secrets[1], "00u1")
        call("dch_wrong", "00u2")
        newest = cli("hooks", "on", "acme", "--grace", "0s", "--json").json["secret"]
        call(secrets[1], "00u3")
        call(newest, "00u4")
        (queued,) = _runs(cli)
        assert queued["target"]["users"] == ["00u0", "00u1", "00u4"]
        assert cli("hooks", "off", "acme").code == 0
        assert cli("hooks", "show", "acme", "--json").json["on"] is False


def test_a_key_that_is_another_is_no_answer_to_a_stranger(
    cli_on_sqlite: Cli, connect: Connect, okta: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where the stored secret does not open any more, a call is answered and noted like any other."""
    cli = cli_on_sqlite
    made = connect(cli)
    secret = cli("hooks", "on", "acme", "--json").json["secret"]
    monkeypatch.setenv("CONNECTOR_KEY_FILE", str(tmp_path / "another.key"))
    assert cli("init").code == 0
    with App(load()) as app, serving(application(app)) as url:
        body = {"eventId": "e", "data": {"events": [_suspended("00u0")]}}
        answer = httpx.post(f"{url}/hooks/{made['id']}", json=body, headers={"authorization": secret})
    assert answer.status_code == 202
    assert _runs(cli) == []
    assert cli("hooks", "show", "acme", "--json").json["refused_at"] is not None


def test_challenges_are_answered_alike_everywhere(cli_on_sqlite: Cli) -> None:
    """Okta's and Graph's challenges come back as they must, for a connection that is not there too."""
    with App(load()) as app, serving(application(app)) as url, httpx.Client(base_url=url) as http:
        okta = http.get("/hooks/nowhere", headers={"x-okta-verification-challenge": "a<b>&c"})
        assert (okta.status_code, okta.json()) == (200, {"verification": "a<b>&c"})
        graph = http.post("/hooks/nowhere", params={"validationToken": "Validation: <script> &"})
        assert (graph.status_code, graph.text) == (200, "Validation: <script> &")
        assert graph.headers["content-type"].startswith("text/plain")
        assert graph.headers["x-content-type-options"] == "nosniff"
        assert http.get("/hooks/nowhere").status_code == 405
        assert http.post("/hooks/nowhere", content=b"{}").status_code == 202
        assert http.post("/hooks/nowhere", content=b"x" * 1_100_000).status_code == 413
        assert http.post("/hooks/nowhere", params={"validationToken": "x" * 2000}).status_code == 400


def test_a_directory_without_hooks_is_told(cli_on_sqlite: Cli) -> None:
    """A plain SCIM service sends no event hooks, and `hooks on` says so."""
    assert cli_on_sqlite("connections", "add", "peer", "--type", "scim", "--set", "mode=push").code == 0
    ended = cli_on_sqlite("hooks", "on", "peer")
    assert ended.code == 1
    assert "sends no event hooks" in ended.err


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "data",
                    "events",
                    "target",
                    "type",
                    "id",
                    "eventId",
                    "eventType",
                    "value",
                    "resource",
                    "resourceData",
                    "clientState",
                    "lifecycleEvent",
                    "association",
                    "connection",
                    "from",
                    "to",
                    "object_id",
                    "event_type",
                    "event_type_id",
                    "user_id",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@pytest.mark.parametrize("type", [*TYPES, "azure"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(body=_JSON | st.binary(max_size=20))
def test_an_odd_body_is_refused_or_names_ids(type: str, body: Any) -> None:
    """Any JSON, and what is none, gives a ping of ids that look like ids, or BadRecord."""
    import json

    reads = registry.reads_pings(type)
    assert reads is not None
    try:
        ping = reads({"authorization": "x"}, body if isinstance(body, bytes) else json.dumps(body).encode())
    except BadRecord:
        return
    assert all(id_.isascii() and 0 < len(id_) <= 100 for id_ in ping.users | ping.groups)


@pytest.fixture
def reachable(cli_on_sqlite: Cli, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    """The command line, and the program at the address it tells directories to call."""
    with listen(0, must=False) as sock:
        monkeypatch.setenv("CONNECTOR_PUBLIC_URL", f"http://127.0.0.1:{sock.getsockname()[1]}")
        with App(load()) as app, Served(app, sock):
            yield cli_on_sqlite


def test_okta_is_told_to_call_us_by_one_verb(reachable: Cli, okta: Simulator, connect: Connect) -> None:
    """Registered, the hook is on, verified, and finds a leaver; off, it is gone at Okta too."""
    cli = reachable
    connect(cli)
    assert cli("sync", "now", "acme", "--wait", "--yes").code == 0
    made = cli("hooks", "register", "acme", "--json")
    assert made.code == 0, made.err
    told = made.json
    assert (told["on"], told["registered"], told["subscription_trouble"]) == (True, True, None)
    okta.churn(leavers=1)
    assert set(okta.hooked()) == {202}
    (queued,) = _runs(cli)
    assert (queued["state"], queued["mode"]) == ("queued", "targeted")

    cli("hooks", "on", "acme")
    assert "hooks register acme" in cli("hooks", "show", "acme", "--json").json["subscription_trouble"]
    cli("hooks", "register", "acme")
    assert cli("hooks", "show", "acme", "--json").json["subscription_trouble"] is None
    before = len(okta.hooked())
    assert cli("hooks", "off", "acme").code == 0
    okta.churn(leavers=1)
    assert len(okta.hooked()) == before


def test_an_address_okta_cannot_reach_is_told(cli_on_sqlite: Cli, connect: Connect) -> None:
    """Without a daemon at the address the hook is made, and the exit code says that work is left."""
    connect(cli_on_sqlite)
    made = cli_on_sqlite("hooks", "register", "acme", "--json")
    assert made.code == 4
    assert "cannot verify" in made.json["subscription_trouble"]


def test_a_refused_registration_leaves_hooks_off(
    cli_on_sqlite: Cli, okta: Simulator, connect: Connect
) -> None:
    """A credential that may not manage hooks is told by whom they are made, and nothing is switched on."""
    connect(cli_on_sqlite)
    okta.fault("drop_permission(hooks)")
    refused = cli_on_sqlite("hooks", "register", "acme")
    assert refused.code == 5
    assert "Super Administrator" in refused.err
    assert not cli_on_sqlite("hooks", "show", "acme", "--json").json["on"]


def test_where_no_hook_can_be_made_by_us_it_says_so(cli_on_sqlite: Cli) -> None:
    """A directory whose hooks an admin makes by hand refuses in a sentence."""
    with server.start("jumpcloud", users=10, groups=1, seed=7) as directory:
        cli_on_sqlite("connections", "add", "jc", "--type", "jumpcloud", *settings_of(directory))
        refused = cli_on_sqlite("hooks", "register", "jc")
    assert refused.code == 1
    assert "made by hand" in refused.err
