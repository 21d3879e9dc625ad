"""The product at work on a simulated directory: pull, hold, approve, churn, push, look."""

from __future__ import annotations

import contextlib
import socket
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click

from connector.app import App
from connector.daemon import serve
from connector.demo_pushes import push
from connector.demo_server import Served, listen
from connector.settings import Seats, Settings
from connector.telemetry import configure_logs
from providers.simulator.server import Simulator, start
from sync.model.access import Role
from sync.model.errors import ConnectorError, Misconfigured
from sync.model.run import Run

PEOPLE: Final = 1000
GROUPS: Final = 40
SEATS: Final = 1200
PORT: Final = 8080
BY: Final = "demo"
_NEWCOMERS: Final = (("Noor", "Haddad"), ("Sven", "Lindqvist"))


def run(*, once: bool, as_json: bool, port: int | None, database: str | None) -> dict[str, Any]:
    """Tell the story once; without ``once`` the daemon and the console then run until ctrl-C.

    ``database`` is a URL of an empty database, else a temporary one is made. With ``as_json`` the
    story goes to stderr. Answers the figures by the demo's JSON contract. Raises ConnectorError.
    """
    began = time.perf_counter()
    configure_logs("console", "warning")
    with contextlib.ExitStack() as open_things:
        sock = open_things.enter_context(listen(_port(port, once=once), must=port is not None))
        folder = Path(open_things.enter_context(tempfile.TemporaryDirectory(prefix="connector-demo-")))
        address = f"127.0.0.1:{sock.getsockname()[1]}"
        settings = Settings(
            database_url=database or f"sqlite:///{folder / 'connector.db'}",
            key_file=None if database else str(folder / "connector.key"),
            listen=address,
            public_url=None,
            api_key=None,
            seats=Seats(limit=SEATS),
            connections=(),
        )
        idp = open_things.enter_context(start("okta", users=PEOPLE, groups=GROUPS, scenario="demo"))
        app = open_things.enter_context(App(settings))
        story = Story(app=app, idp=idp, say=lambda text="": click.echo(text, err=as_json))
        with Served(app, sock):
            figures = story.tell() | {"seconds": round(time.perf_counter() - began, 2)}
        if not once:
            _stay(sock, story, figures)
    return figures


def _port(port: int | None, *, once: bool) -> int:
    return port if port is not None else 0 if once else PORT


def _stay(sock: socket.socket, story: Story, figures: dict[str, Any]) -> None:
    page = story.app.accounts.add("you@example.com", Role.ADMIN, by=BY, name="You")["link"]
    story.say()
    story.say(
        f"All of this took {figures['seconds']} s. The daemon runs on; what waits for you is on the page:"
    )
    story.say(f"  page       {page}")
    story.say("             (signs you in once; another one: connector admin link you@example.com)")
    story.say(f"  simulator  {story.idp.base_url}/_sim/state")
    story.say("  another terminal:")
    story.say(f"    export CONNECTOR_DATABASE_URL={story.app.settings.database_url}")
    story.say(f"    export CONNECTOR_KEY_FILE={story.app.settings.key_path}")
    story.say("    connector status")
    story.say("press ctrl-C to stop")
    serve(story.app, sock)


@dataclass(kw_only=True)
class Story:
    """The steps, each told in a sentence with the figure that shows it."""

    app: App
    idp: Simulator
    say: Callable[..., None]
    pushed: list[str] = field(default_factory=list)
    _step: int = 0

    def tell(self) -> dict[str, Any]:
        state = self.idp.state()
        arrived = self._three_by_sso(state)
        self._connect()
        self._first_pull(arrived)
        self._nothing_new()
        self._churn()
        self._push()
        self._burst()
        return self._figures()

    def _heading(self, text: str) -> None:
        self._step += 1
        self.say(f"\n{self._step}. {text}")

    def _three_by_sso(self, state: dict[str, Any]) -> list[str]:
        emails = [person["email"] for person in state["users"] if person["active"] and person["email"]][:3]
        self._heading("The application has three accounts already: people who signed in by SSO.")
        self.app.people.add([{"email": email, "origin": "sso"} for email in emails], by=BY)
        self.say(f"   {', '.join(emails)}")
        return emails

    def _connect(self) -> None:
        self._heading(f"An admin connects Okta (simulated at {self.idp.base_url}) and tests the rights.")
        self.app.connections.add("okta", "okta", {"base_url": self.idp.base_url, **self.idp.credentials})
        found = self.app.connections.test("okta")
        for right in found["rights"]:
            self.say(f"   {right['state']:<8} {right['name']}")
        if not found["ready"]:
            raise Misconfigured(f"the simulated Okta let nobody in: {found['error']}")

    def _first_pull(self, arrived: list[str]) -> None:
        self._heading(
            "The first pull reads the whole directory and makes a plan; a first run is always held."
        )
        held = self._pull()
        self._show(held, "held")
        self._heading("The admin approves exactly what was shown, by its hash. Now it is applied.")
        plan = self.app.plans.get(held.plan_id or "")
        approval = self.app.plans.approve(plan.id, by=BY, expect_hash=plan.hash)
        ended = self._finish(approval.id)
        self.say(f"   run {ended.id}: {ended.state.value} in {ended.duration_s or 0:.1f} s")
        adopted = self.app.people.every_user(managed=True)["users"]
        ours = {user["email"] for user in adopted} & set(arrived)
        self.say(f"   {len(ours)} of the 3 SSO accounts were adopted, none made twice.")
        self._compare()

    def _nothing_new(self) -> None:
        self._heading("A second pull of the unchanged directory: an empty plan, nothing written.")
        before = self.app.people.event_count()
        ended = self._pull()
        written = self.app.people.event_count() - before
        self.say(
            f"   {sum(ended.counts.values())} changes, {written} events, {ended.requests} requests to Okta"
        )

    def _churn(self) -> None:
        self._heading("The company lives: 6 people join, 5 leave, 1 marries.")
        self.idp.churn(joiners=6, leavers=5, renames=1)
        self._show(self._pull(), "applied by itself, being within all limits")
        self._compare()

    def _push(self) -> None:
        self._heading("A second directory pushes two people and a group by SCIM.")
        made = self.app.connections.add("contractors", "scim", {"mode": "push"})
        group_id, members = push(made["scim_base_url"], made["token"], _NEWCOMERS, "Contractors")
        self.say(f"   POST Users twice, POST Groups → GET Groups/{group_id}: {members} members")
        for user in self.app.people.every_user(connection="contractors")["users"]:
            self.pushed.append(user["id"])
            self.say(f"   {user['email']}: tags {', '.join(user['tags'])}")

    def _burst(self) -> None:
        leavers = sum(person["active"] for person in self.idp.state()["users"]) // 5
        self._heading(
            f"Then {leavers} people vanish from Okta at once. Nobody is suspended; a person is asked."
        )
        self.idp.churn(leavers=leavers)
        self._show(self._pull(), "held; it waits for a person")

    def _pull(self) -> Run:
        queued, _ = self.app.runs.request("okta", by=BY)
        return self._finish(queued.id)

    def _finish(self, run_id: str) -> Run:
        ended = self.app.runs.finish(run_id)
        if ended.error:
            raise ConnectorError(f"run {ended.id} {ended.state.value}: {ended.error}")
        return ended

    def _show(self, ended: Run, what: str) -> None:
        if ended.plan_id is None:
            raise ConnectorError(f"run {ended.id} made no plan; it is {ended.state.value}")
        self.say("\n".join(f"   {line}".rstrip() for line in self.app.plans.text(ended.plan_id).splitlines()))
        self.say(f"   → {what}")

    def _compare(self) -> None:
        """Hold the application against the truth of the simulator; a difference ends the demo."""
        wrong = differences(self.idp.state(), self.app.people.every_user(connection="okta")["users"])
        if wrong:
            raise ConnectorError(f"the application differs from the directory: {'; '.join(wrong[:3])}")
        users = self.app.people.users(connection="okta", active=True, limit=1)["total"]
        groups = self.app.people.groups(connection="okta", limit=1)["total"]
        self.say(
            f"   Checked against the simulator: {users} active people, {groups} groups, every tag. All equal."
        )

    def _figures(self) -> dict[str, Any]:
        users = self.app.people.every_user()["users"]
        return {
            "connections": [each["name"] for each in self.app.connections.listed()],
            "users": len(users),
            "groups": self.app.people.groups(limit=1)["total"],
            "suspended": sum(not user["active"] for user in users),
            "tagged": sum(bool(user["tags"]) for user in users),
            "held_plans": len(self.app.plans.listed(states=["held"])),
            "pushed_users": len(self.pushed),
            "events": self.app.people.event_count(),
        }


def differences(state: dict[str, Any], users: list[dict[str, Any]]) -> list[str]:
    """Where the application differs from the simulator's state, as phrases: who is active, with which tags.

    Okta's own group Everyone is left out, as a pull leaves it out.
    """
    counted = [group for group in state["groups"] if group["kind"] != "built_in"]
    truth = {
        person["email"]: {group["name"] for group in counted if person["id"] in group["members"]}
        for person in state["users"]
        if person["active"] and person["email"]
    }
    ours = {user["email"]: set(user["tags"]) for user in users if user["active"]}
    wrong = [f"{email} is missing" for email in truth.keys() - ours.keys()]
    wrong += [f"{email} should have no access" for email in ours.keys() - truth.keys()]
    wrong += [
        f"{email} has the wrong tags"
        for email in truth.keys() & ours.keys()
        if ours[email] != {"scim"} | {f"Group:{name}" for name in truth[email]}
    ]
    return wrong


__all__ = ["differences", "run"]
