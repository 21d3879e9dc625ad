"""A storm: a company lives on while replicas are killed and paused, lines are cut and the database restarts.

    make chaos                                   # three replicas on PostgreSQL, then one on SQLite
    python -m tests.chaos.storm --seconds 60 --seed 7

When it is over, users, tags, the feed and the webhook's journal are held against the simulator's truth.
Prints what happened and what differs; the exit code is 1 when anything does.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx

from connector.app import App
from connector.settings import Settings
from providers.simulator.faults import BadFault
from providers.simulator.server import Simulator, start
from sync.model.errors import ConnectorError
from tests.flows.daemons import Daemon
from tests.flows.receivers import Receiver, receiving
from tests.postgres_server import Server, server, until

FAULTS = (
    "A01",
    "B01",
    "B04",
    "B05",
    "B06",
    "B09",
    "B10",
    "C01",
    "C05",
    "C11",
    "G06",
    "G07",
    "P03",
    "P19",
    "P21",
)
"""Faults of reading, each met once."""

GIVE = frozenset({"user.created", "user.adopted", "user.reactivated"})
SETTLES_S = 240


class Storm:
    """One database, its replicas, one directory that is pulled and one that pushes, and a receiver."""

    def __init__(self, url: str, folder: Path, postgres: Server | None, *, replicas: int, seed: int) -> None:
        self._url, self._postgres, self._count = url, postgres, replicas
        self._surroundings = {
            "CONNECTOR_DATABASE_URL": url,
            "CONNECTOR_KEY_FILE": str(folder / "connector.key"),
            "CONNECTOR_RUNS__LEASE": "1s",
            "CONNECTOR_WEBHOOKS__ALLOW_PRIVATE": "true",
        }
        self._rng = random.Random(seed)
        self._daemons: list[Daemon] = []
        self.counts: Counter[str] = Counter()
        self._pushed: set[str] = set()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        os.environ |= self._surroundings
        self.idp: Simulator = self._stack.enter_context(start("okta", users=120, groups=6, seed=5))
        self.receiver: Receiver = self._stack.enter_context(receiving())
        settings = Settings(database_url=self._url, webhooks={"allow_private": True})
        self.app = self._stack.enter_context(App(settings))
        chosen = {"base_url": self.idp.base_url, **self.idp.credentials}
        off = dict.fromkeys(("suspensions", "member_removals", "tag_removals", "creations", "updates"), "off")
        self.app.connections.add("acme", "okta", chosen | {"safeguards": off | {"first_run": False}})
        self._partner = self.app.connections.add("partners", "scim", {"mode": "push"})
        self.app.webhooks.add(self.receiver.url, by="storm")
        self._daemons = [Daemon() for _ in range(self._count)]
        return self

    def __exit__(self, *_: object) -> None:
        for daemon in self._daemons:
            end(daemon)
        self._stack.close()

    # --- what happens -------------------------------------------------------------------------------

    def rage(self, seconds: float) -> None:
        """Something every moment, until the time is over."""
        blows = [self._kill, self._pause, self._fault, self._live, self._live, self._push, self._push]
        if self._postgres is not None:
            blows += [self._cut, self._cut, self._restart]
        until_s, pause = time.monotonic() + seconds, threading.Event()
        while time.monotonic() < until_s:
            self._ask()
            self._rng.choice(blows)()
            pause.wait(self._rng.random() * 0.3)

    def _kill(self) -> None:
        place = self._rng.randrange(self._count)
        end(self._daemons[place])
        self.counts["kills"] += 1
        self._daemons[place] = Daemon()

    def _pause(self) -> None:
        daemon = self._rng.choice(self._daemons)
        os.kill(daemon.process.pid, signal.SIGSTOP)
        threading.Event().wait(1.5)
        os.kill(daemon.process.pid, signal.SIGCONT)
        self.counts["pauses"] += 1

    def _cut(self) -> None:
        assert self._postgres is not None
        self._postgres.cut_everybody()
        self.counts["cuts"] += 1

    def _restart(self) -> None:
        assert self._postgres is not None
        self._postgres.stop()
        self._postgres.start()
        self.counts["restarts"] += 1

    def _fault(self) -> None:
        with contextlib.suppress(BadFault):  # it found nobody left to act on
            self.idp.fault(self._rng.choice(FAULTS))
            self.counts["faults"] += 1

    def _live(self) -> None:
        told = {"joiners": self._rng.randint(0, 2), "leavers": self._rng.randint(0, 2)}
        told |= {"movers": self._rng.randint(0, 3), "renames": self._rng.randint(0, 1)}
        self.idp.churn(**told)
        self.counts["people moved"] += sum(told.values())

    def _ask(self) -> None:
        with contextlib.suppress(ConnectorError):
            self.app.runs.request("acme", by="storm", approved_beforehand=True)
            self.counts["runs asked for"] += 1

    def _push(self) -> None:
        """A person, sent until somebody takes her or says that she is there."""
        name = f"partner-{len(self._pushed)}@example.com"
        self._pushed.add(name)
        until(lambda: self._sent(name) in (201, 409), SETTLES_S)
        self.counts["pushes"] += 1

    def _sent(self, name: str) -> int:
        url = self._rng.choice(self._daemons).url + httpx.URL(self._partner["scim_base_url"]).path
        schema = "urn:ietf:params:scim:schemas:core:2.0:User"
        body = {"schemas": [schema], "userName": name, "emails": [{"value": name, "primary": True}]}
        headers = {"Authorization": f"Bearer {self._partner['token']}"}
        try:
            sent = httpx.post(f"{url}/Users", json=body, headers=headers, trust_env=False, timeout=20)
        except httpx.HTTPError:
            return 0
        if sent.status_code not in (201, 409):
            self.counts[f"pushes answered {sent.status_code}"] += 1
        return sent.status_code

    # --- afterwards ---------------------------------------------------------------------------------

    def settle(self) -> list[str]:
        """The faults stop; what differs once everything has had time to become equal."""
        self.idp.clear_faults()
        with contextlib.suppress(AssertionError):
            until(lambda: not self._asked_and_compared(), SETTLES_S, every_s=0.5)
        with contextlib.suppress(AssertionError):
            until(lambda: not list(self._missed()), SETTLES_S, every_s=0.5)
        self.counts["events"] = len(self._feed())
        days = ({**day, "day": 0} for day in self.app.dashboard.days())
        self.counts["changes"] = sum(sum(day.values()) for day in days)
        self.counts["calls of the webhook"] = len(self.receiver.calls)
        return [*self._users(), *self._told(), *self._missed(), *self._disordered()]

    def _asked_and_compared(self) -> list[str]:
        self._ask()
        try:
            return list(self._users())
        except ConnectorError as error:
            return [error.message]

    def _users(self) -> Iterator[str]:
        """Who has access, with which tags: the directory's people, and those that were pushed."""
        state = self.idp.state()
        truth = {user["email"]: {"scim"} for user in state["users"] if user["active"] and user["email"]}
        by_id = {user["id"]: user["email"] for user in state["users"]}
        for group in state["groups"]:
            for member in group["members"] if group["kind"] != "built_in" else ():
                truth.get(by_id[member], set()).add(f"Group:{group['name']}")
        truth |= {name: {"scim"} for name in self._pushed}
        ours = {
            user["email"]: set(user["tags"])
            for user in self.app.people.every_user()["users"]
            if user["active"]
        }
        yield from (f"{email} is missing" for email in truth.keys() - ours.keys())
        yield from (f"{email} should have no access" for email in ours.keys() - truth.keys())
        yield from (
            f"{email} has wrong tags" for email in truth.keys() & ours.keys() if truth[email] != ours[email]
        )

    def _feed(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while page := self.app.people.events(after=found[-1]["sequence"] if found else 0, limit=500)[
            "events"
        ]:
            found += page
        return found

    def _told(self) -> Iterator[str]:
        """The feed is the story of what is: nobody is given what she has, or loses what she has not."""
        events, has = self._feed(), dict[str, bool]()
        if len({each["id"] for each in events}) != len(events):
            yield "an event is in the feed twice"
        for each in events:
            gives, takes = each["type"] in GIVE, each["type"] == "user.suspended"
            if not gives and not takes:
                continue
            person = each["subject"]["id"]
            if has.get(person, False) is gives:
                yield f"{each['type']} was told of {each['subject']['label']}, who was so already"
            has[person] = gives
        active = {user["id"] for user in self.app.people.every_user()["users"] if user["active"]}
        told = {person for person, is_active in has.items() if is_active}
        yield from (
            f"{person} is active in the feed or the application, not in both" for person in active ^ told
        )

    def _missed(self) -> Iterator[str]:
        told, came = {each["id"] for each in self._feed()}, {call.id for call in list(self.receiver.accepted)}
        yield from (f"event {each} never reached the receiver" for each in sorted(told - came))
        yield from (f"event {each} is the receiver's alone" for each in sorted(came - told))

    def _disordered(self) -> Iterator[str]:
        """Of one person or group, no event comes for the first time after a later one."""
        newest: dict[str, int] = defaultdict(int)
        seen: set[str] = set()
        for call in self.receiver.accepted:
            event = call.event
            subject = (event.get("subject") or {}).get("id", "")
            if subject and call.id not in seen and event["sequence"] < newest[subject]:
                yield f"event {call.id} came after a later one about {event['subject']['label']}"
            seen.add(call.id)
            newest[subject] = max(newest[subject], event["sequence"])


def end(daemon: Daemon) -> None:
    daemon.process.kill()
    daemon.process.wait()
    daemon._reader.join()
    assert daemon.process.stderr is not None
    daemon.process.stderr.close()


def weathered(kind: str, *, replicas: int, seconds: float, seed: int) -> dict[str, Any]:
    """One storm on a database of its own: what happened, and what differs."""
    before = dict(os.environ)
    try:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            postgres = stack.enter_context(server()) if kind == "postgresql" else None
            url = postgres.database("storm") if postgres else f"sqlite:///{folder / 'connector.db'}"
            storm = stack.enter_context(Storm(url, folder, postgres, replicas=replicas, seed=seed))
            storm.rage(seconds)
            differences = storm.settle()
            return {"database": kind, "replicas": replicas, **storm.counts, "differences": differences}
    finally:
        os.environ.clear()
        os.environ.update(before)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=120, help="how long each storm rages")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    found = [
        weathered(kind, replicas=replicas, seconds=chosen.seconds, seed=chosen.seed)
        for kind, replicas in (("postgresql", 3), ("sqlite", 1))
    ]
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    return 1 if any(each["differences"] for each in found) else 0


if __name__ == "__main__":
    sys.exit(main())
