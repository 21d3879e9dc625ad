"""The steps of the demo: pull, hold, approve, churn, a second directory, push, and a burst of leavers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from connector.app import App
from connector.demo_directories import Directory, differences, share
from connector.demo_pushes import push
from sync.model.errors import ConnectorError, Misconfigured
from sync.model.run import Run

BY: Final = "demo"
_NEWCOMERS: Final = (("Noor", "Haddad"), ("Sven", "Lindqvist"))


@dataclass(kw_only=True)
class Story:
    """The steps, each told in a sentence with the figure that shows it."""

    app: App
    ours: Directory
    theirs: Directory
    say: Callable[..., None]
    connected: list[Directory] = field(default_factory=list)
    pushed: list[str] = field(default_factory=list)
    _step: int = 0

    def tell(self) -> dict[str, Any]:
        """Tell all of it; the figures by the demo's JSON contract."""
        arrived = self._three_by_sso()
        self._connect()
        self._first_pull(arrived)
        self._nothing_new()
        self._churn()
        both = share(self.ours, self.theirs)
        self._buy(both)
        self._one_person(both)
        self._leave_one(both)
        self._push()
        self._burst()
        return self._figures()

    def _heading(self, text: str) -> None:
        self._step += 1
        self.say(f"\n{self._step}. {text}")

    # --- the company's directory -----------------------------------------------------------------

    def _three_by_sso(self) -> list[str]:
        people = self.ours.idp.state()["users"]
        emails = [person["email"] for person in people if person["active"] and person["email"]][:3]
        self._heading("The application has three accounts already: people who signed in by SSO.")
        self.app.people.add([{"email": email, "origin": "sso"} for email in emails], by=BY)
        self.say(f"   {', '.join(emails)}")
        return emails

    def _connect(self) -> None:
        ours = self.ours
        self._heading(
            f"An admin connects {ours.label} (simulated at {ours.idp.base_url}) and tests the rights."
        )
        for right in self._add(ours)["rights"]:
            self.say(f"   {right['state']:<8} {right['name']}")

    def _first_pull(self, arrived: list[str]) -> None:
        self._heading(
            "The first pull reads the whole directory and makes a plan; a first run is always held."
        )
        held = self._pull(self.ours)
        self._show(held, "held")
        self._heading("The admin approves exactly what was shown, by its hash. Now it is applied.")
        ended = self._approve(held)
        self.say(f"   run {ended.id}: {ended.state.value} in {ended.duration_s or 0:.1f} s")
        adopted = self.app.people.every_user(managed=True)["users"]
        mine = {user["email"] for user in adopted} & set(arrived)
        self.say(f"   {len(mine)} of the 3 SSO accounts were adopted, none made twice.")
        self._compare()

    def _nothing_new(self) -> None:
        self._heading("A second pull of the unchanged directory: an empty plan, nothing written.")
        before = self.app.people.event_count()
        ended = self._pull(self.ours)
        changes, written = sum(ended.counts.values()), self.app.people.event_count() - before
        self.say(f"   {changes} changes, {written} events, {ended.requests} requests to {self.ours.label}")

    def _churn(self) -> None:
        self._heading("The company lives: 6 people join, 5 leave, 1 marries.")
        self.ours.idp.churn(joiners=6, leavers=5, renames=1)
        self._show(self._pull(self.ours), "applied by itself, being within all limits")
        self._compare()

    # --- the one that is bought ------------------------------------------------------------------

    def _buy(self, both: str) -> None:
        theirs = self.theirs
        people = len(theirs.idp.state()["users"])
        self._heading(
            f"The company buys another, with {people} people in {theirs.label}. One of them is ours too."
        )
        self._add(theirs)
        held = self._pull(theirs)
        for line in self.app.plans.text(held.plan_id or "").splitlines()[1:4]:
            self.say(f"   {line.strip()}")
        self._approve(held)
        self.say("   → approved")
        (question,) = [each for each in self.app.attention.listed(theirs.name) if each["label"] == both]
        self.say(f"   One question is left: {question['label']}: {question['why']}")
        self.app.attention.resolve(question["id"], "link", by=BY)
        self.say("   → linked by an admin, who knows: no rule may make one person of two directories' people")

    def _name(self, email: str) -> str:
        user = self.app.people.user(email)
        return f"{user['first_name']} {user['last_name']}"

    def _one_person(self, both: str) -> None:
        seats, user = self.app.people.seats(), self.app.people.user(both)
        self._heading(f"{self._name(both)} has one account, one seat and the tags of both directories.")
        self.say(f"   {both}: {' and '.join(user['connections'])}; tags {', '.join(user['tags'])}")
        told = " + ".join(f"{count} {name}" for name, count in seats["by_connection"].items())
        self.say(f"   seats: {seats['used']} of {seats['limit']} taken; {told}, one person counted in both")
        self._compare()

    def _leave_one(self, both: str) -> None:
        ours = self.ours
        self._heading(
            f"{self._name(both)} leaves {ours.label}. The access stays, and the program can say why."
        )
        ours.idp.change_user(ours.named(both)["id"], active=False)
        self._pull(ours)
        told = self.app.people.explain(both).as_text().split("\n\n")[0]
        self.say(f"   $ connector users explain {both}")
        for line in told.splitlines():
            self.say(f"   {line}")
        self._compare()

    # --- a push, and what must not happen --------------------------------------------------------

    def _push(self) -> None:
        self._heading("A third directory pushes two people and a group by SCIM.")
        made = self.app.connections.add("contractors", "scim", {"mode": "push"})
        group_id, members = push(made["scim_base_url"], made["token"], _NEWCOMERS, "Contractors")
        self.say(f"   POST Users twice, POST Groups → GET Groups/{group_id}: {members} members")
        for user in self.app.people.every_user(connection="contractors")["users"]:
            self.pushed.append(user["id"])
            self.say(f"   {user['email']}: tags {', '.join(user['tags'])}")

    def _burst(self) -> None:
        ours = self.ours
        leavers = sum(person["active"] for person in ours.idp.state()["users"]) // 5
        self._heading(
            f"Then {leavers} people vanish from {ours.label} at once. Nobody is suspended; a person is asked."
        )
        ours.idp.churn(leavers=leavers)
        self._show(self._pull(ours), "held; it waits for a person")

    # --- how a step is done ----------------------------------------------------------------------

    def _add(self, directory: Directory) -> dict[str, Any]:
        self.app.connections.add(directory.name, directory.name, directory.settings)
        self.connected.append(directory)
        found = self.app.trials.test(directory.name)
        if not found["ready"]:
            raise Misconfigured(f"the simulated {directory.label} let nobody in: {found['error']}")
        return found

    def _pull(self, directory: Directory) -> Run:
        queued, _ = self.app.runs.request(directory.name, by=BY)
        return self._finish(queued.id)

    def _approve(self, held: Run) -> Run:
        plan = self.app.plans.get(held.plan_id or "")
        return self._finish(self.app.plans.approve(plan.id, by=BY, expect_hash=plan.hash).id)

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
        """Hold the application against the truth of the simulators; a difference ends the demo."""
        states = [each.idp.state() for each in self.connected]
        wrong = differences(states, self.app.people.every_user(managed=True)["users"])
        if wrong:
            raise ConnectorError(f"the application differs from the directory: {'; '.join(wrong[:3])}")
        users = self.app.people.users(managed=True, active=True, limit=1)["total"]
        groups = self.app.people.groups(limit=1)["total"]
        judge = "the simulator" if len(states) == 1 else "both simulators"
        self.say(f"   Checked against {judge}: {users} active people, {groups} groups, every tag. All equal.")

    def _figures(self) -> dict[str, Any]:
        users = self.app.people.every_user()["users"]
        return {
            "connections": [each["name"] for each in self.app.connections.listed()],
            "users": len(users),
            "groups": self.app.people.groups(limit=1)["total"],
            "suspended": sum(not user["active"] for user in users),
            "tagged": sum(bool(user["tags"]) for user in users),
            "held_plans": len(self.app.plans.listed(states=["held"])),
            "shared_users": sum(len(user["connections"]) > 1 for user in users),
            "pushed_users": len(self.pushed),
            "events": self.app.people.event_count(),
        }
