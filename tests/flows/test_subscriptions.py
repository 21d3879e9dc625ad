"""Graph tells of changes while we are subscribed: made, renewed, remade and ended by the program itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from connector.app import App
from connector.demo_server import Served, listen
from connector.settings import Settings
from connector.usecases.wires import utc_now
from providers.simulator.server import Simulator, start
from sync.model.run import Run, RunState


class Time:
    """A clock that can be moved."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@pytest.fixture
def tenant() -> Iterator[Simulator]:
    """A simulated tenant of 40 people."""
    with start("azure", users=40, groups=3, seed=7) as running:
        yield running


@pytest.fixture
def time() -> Time:
    """The program's clock."""
    return Time()


@pytest.fixture
def app(sqlite_url: str, tmp_path: Path, tenant: Simulator, time: Time) -> Iterator[App]:
    """The program, served on loopback, with everybody pulled and hooks on."""
    with listen(0, must=False) as sock:
        address = f"127.0.0.1:{sock.getsockname()[1]}"
        key = str(tmp_path / "connector.key")
        settings = Settings(database_url=sqlite_url, key_file=key, listen=address)
        with App(settings, clock=time) as opened, Served(opened, sock):
            given = {"base_url": tenant.base_url, **tenant.credentials}
            opened.connections.add("entra", "azure", given)
            asked, _ = opened.runs.request("entra", by="test", approved_beforehand=True)
            assert opened.runs.finish(asked.id).state is RunState.SUCCEEDED
            opened.hooks.switch_on("entra", timedelta(days=7))
            yield opened


def advance(time: Time, tenant: Simulator, days: float) -> None:
    time.ahead += timedelta(days=days)
    tenant.clock(advance=days * 86_400)


def ids(tenant: Simulator) -> dict[str, str]:
    return {each["resource"]: each["id"] for each in tenant.subscriptions()}


def hooked(app: App) -> list[Run]:
    found = [run["run_id"] for run in app.runs.listed() if run["trigger"] == "hook"]
    return [app.runs.get(run_id) for run_id in found]


def test_a_leaver_is_read_again_as_soon_as_graph_tells(app: App, tenant: Simulator) -> None:
    """Subscribed to users and groups with the address proved, each notification names whom to read."""
    assert app.subscriptions.keep_due() == 1
    assert ids(tenant).keys() == {"/users", "/groups"}
    assert app.subscriptions.keep_due() == 0
    left = tenant.churn(leavers=1)["leavers"]
    assert set(tenant.hooked()) == {202}
    (run,) = hooked(app)
    assert left[0] in run.target.users
    assert app.runs.finish(run.id).counts["suspend"] == 1
    shown = app.hooks.shown("entra")
    assert shown["subscribed_until"] is not None
    assert shown["subscription_trouble"] is None


def test_they_are_renewed_well_before_their_end_and_made_anew_when_lost(
    app: App, tenant: Simulator, time: Time
) -> None:
    """After two days the same ones live longer; ones that ended, or were removed, are replaced."""
    app.subscriptions.keep_due()
    made, until = ids(tenant), app.hooks.shown("entra")["subscribed_until"]
    advance(time, tenant, 2.1)
    assert app.subscriptions.keep_due() == 1
    assert ids(tenant) == made
    assert app.hooks.shown("entra")["subscribed_until"] > until
    advance(time, tenant, 20)
    assert not ids(tenant)
    assert app.subscriptions.keep_due() == 1
    assert ids(tenant).keys() == made.keys()


@pytest.mark.parametrize(("fault", "is_kept"), [("hook(reauthorize)", True), ("hook(removed)", False)])
def test_a_word_that_they_end_has_them_looked_at_at_once(
    app: App, tenant: Simulator, fault: str, is_kept: bool
) -> None:
    """Asked to authorise again, the same is renewed; told that it is gone, another is made."""
    app.subscriptions.keep_due()
    made = ids(tenant)
    tenant.fault(fault)
    tenant.churn(renames=1)
    tenant.hooked()
    assert app.subscriptions.keep_due() == 1
    assert ids(tenant).keys() == made.keys()
    assert (ids(tenant) == made) is is_kept


def test_forged_notifications_cause_no_run(app: App, tenant: Simulator) -> None:
    """A wrong clientState is answered like a right one, and nobody is read."""
    app.subscriptions.keep_due()
    tenant.fault("hook(forged)", times="always")
    tenant.churn(leavers=1)
    assert set(tenant.hooked()) == {202}
    assert not hooked(app)


def test_a_new_secret_makes_new_ones_and_ends_the_old(app: App, tenant: Simulator) -> None:
    """Graph shows the secret it was given: with another secret the old subscriptions are replaced."""
    app.subscriptions.keep_due()
    old = set(ids(tenant).values())
    app.hooks.switch_on("entra", timedelta(days=7))
    app.subscriptions.keep_due()
    assert len(ids(tenant)) == 2
    assert not old & set(ids(tenant).values())


@pytest.mark.parametrize("how", ["off", "removed"])
def test_they_end_with_the_hook_and_with_the_connection(app: App, tenant: Simulator, how: str) -> None:
    """Nothing is left at the directory when hooks are switched off or the connection is removed."""
    app.subscriptions.keep_due()
    assert ids(tenant)
    if how == "off":
        app.hooks.switch_off("entra")
    else:
        app.connections.remove("entra", users="keep", by="test")
    assert not tenant.subscriptions()
    assert app.subscriptions.keep_due() == 0


def test_what_the_directory_refuses_is_shown_and_tried_again(app: App, tenant: Simulator, time: Time) -> None:
    """The reason stands in the hook's page; nothing is asked in between, and later it goes on by itself."""
    tenant.fault("fail(403)@op=subscriptions")
    app.subscriptions.keep_due()
    assert (
        "403" in app.hooks.shown("entra")["subscription_trouble"]
        or "let the app" in (app.hooks.shown("entra")["subscription_trouble"])
    )
    assert app.subscriptions.keep_due() == 0
    time.ahead += timedelta(minutes=6)
    assert app.subscriptions.keep_due() == 1
    assert app.hooks.shown("entra")["subscription_trouble"] is None
