"""The engine on a real database: connections, runs, approvals and pushes, and reading what came of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import sqlalchemy as sa

from providers.registry import open_source
from providers.simulator.server import Simulator
from sync import approval
from sync.model.connection import Connection, Mode, Policy
from sync.model.run import Lease, PlanItem, Run, RunMode, StoredPlan
from sync.model.session import Access, Session
from sync.model.source import Source
from sync.pull import Pull
from sync.push import Push
from sync.store import attention, connections, history, migrate, people, plans, roster, runs, schema
from sync.store.database import Database
from sync.store.ids import new_id
from sync.store.text import from_json

T = TypeVar("T")
Row = dict[str, Any]
START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
FRESH = frozenset(
    {"id", "seq", "at", "created_at", "updated_at", "run_id", "linked_at", "added_at", "set_at"}
)
"""Columns whose values two equal histories need not share."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """A managed user as the outside sees her; ``tags`` are all of them, whoever set them."""

    email: str | None
    first_name: str | None
    last_name: str | None
    picture_url: str | None
    active: bool
    tags: frozenset[str]


@dataclass
class House:
    """Everything a flow needs. Time passes a millisecond with every look at the clock."""

    database: Database
    now: datetime = START
    policies: dict[str, Policy] = field(default_factory=dict, repr=False)
    tokens: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def at(cls, url: str) -> House:
        """A house over a database whose tables exist from now on."""
        database = Database(url)
        migrate.upgrade(database)
        return cls(database)

    def clock(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    # --- connections and users ------------------------------------------------------------------

    def connect(self, name: str = "Acme", *, policy: Policy | None = None, **settings: Any) -> Connection:
        """A connection with a SCIM token."""
        with self.database.write() as conn:
            made = connections.add(
                conn, id=new_id(), name=name, type="okta", mode=Mode.BOTH, settings=settings, sealed={},
                managed_tag="scim", from_file=False, now=self.clock(),
            )  # fmt: skip
            self.tokens[made.id] = f"token-of-{name}"
            hashed = hashlib.sha256(self.tokens[made.id].encode()).hexdigest()
            connections.add_token(conn, made.id, id=new_id(), hash=hashed, last_four="cret", now=self.clock())
        self.policies[made.id] = policy or Policy()
        return made

    def policy_of(self, connection: Connection) -> Policy:
        return self.policies[connection.id]

    def reread(self, connection: Connection) -> Connection:
        with self.database.read() as conn:
            return connections.get(conn, connection.id)

    def add_user(self, email: str, **columns: Any) -> str:
        """A user of the application who came without any directory; her id."""
        at = self.clock().isoformat(timespec="microseconds")[:26] + "Z"
        plain = {
            "id": new_id(),
            "email": email,
            "email_key": email.casefold(),
            "active": True,
            "origin": "manual",
        }
        row: Row = plain | {"created_at": at, "updated_at": at} | columns
        with self.database.write() as conn:
            conn.execute(sa.insert(schema.users).values(row))
        return str(row["id"])

    def set_user(self, user_id: str, **columns: Any) -> None:
        """What somebody does to a user by hand: a new version of her row."""
        with self.database.write() as conn:
            table = schema.users
            conn.execute(
                sa.update(table).where(table.c.id == user_id).values(version=table.c.version + 1, **columns)
            )

    def tag_by_hand(self, user_id: str, tag: str) -> None:
        at = self.clock().isoformat(timespec="microseconds")[:26] + "Z"
        with self.database.write() as conn:
            conn.execute(
                sa.insert(schema.user_tag).values(user_id=user_id, tag=tag, set_by="an admin", set_at=at)
            )

    # --- pulling --------------------------------------------------------------------------------

    def request(self, connection: Connection, **wanted: Any) -> Run:
        plain = {"mode": RunMode.FULL, "trigger": "manual", "by": "an admin"}
        with self.database.write() as conn:
            return runs.request(conn, connection.id, id=new_id(), now=self.clock(), **(plain | wanted))[0]

    def claim(self, connection: Connection, lease_s: float = 3600) -> tuple[Lease, Run]:
        with self.database.write() as conn:
            claimed = runs.claim(
                conn, owner="a replica", lease_s=lease_s, now=self.clock(), connection_id=connection.id
            )
        assert claimed is not None
        return claimed

    def execute(
        self,
        claimed: tuple[Lease, Run],
        open_it: Callable[[], Source],
        stop: Callable[[], bool] = lambda: False,
    ) -> Run:
        """Carry a claimed run to its end."""
        lease, run = claimed
        with self.database.read() as conn:
            connection = connections.get(conn, run.connection_id)
        return Pull(
            database=self.database, lease=lease, run=run, connection=connection,
            policy=self.policy_of(connection), open_source=open_it, clock=self.clock, stop=stop,
        ).execute()  # fmt: skip

    def pull(self, connection: Connection, open_it: Callable[[], Source], **wanted: Any) -> Run:
        """Ask for a run, claim it and carry it to its end."""
        self.request(connection, **wanted)
        return self.execute(self.claim(connection), open_it)

    def settle(self, connection: Connection, open_it: Callable[[], Source]) -> Run:
        """The connection's first run, approved beforehand."""
        return self.pull(connection, open_it, approved_beforehand=True)

    def approve(self, run: Run, *, expect_hash: str | None = None, exclude: Sequence[str] = ()) -> Run:
        """Approve the run's plan and let the approved items go."""
        plan = self.plan(run)
        with self.database.write() as conn:
            approval.approve(
                conn,
                plan.id,
                expect_hash=expect_hash or plan.hash,
                exclude=exclude,
                by="an admin",
                now=self.clock(),
            )
            connection = connections.get(conn, run.connection_id)
        return self.execute(self.claim(connection), _no_source)

    def reject(self, run: Run) -> StoredPlan:
        with self.database.write() as conn:
            return approval.reject(conn, self.plan(run).id, by="an admin", now=self.clock())

    # --- pushing --------------------------------------------------------------------------------

    def gateway(self) -> Push:
        return Push(self.database, clock=self.clock, policy_of=self.policy_of)

    def push(self, connection: Connection, work: Callable[[Session], T]) -> T:
        """Do what a SCIM request does, in a transaction of its own."""
        gateway = self.gateway()
        return gateway.write(self.access(connection, gateway), work)

    def access(self, connection: Connection, gateway: Push | None = None) -> Access:
        access = (gateway or self.gateway()).authenticate(connection.id, self.tokens[connection.id])
        assert access is not None
        return access

    # --- reading --------------------------------------------------------------------------------

    def plan(self, run: Run) -> StoredPlan:
        assert run.plan_id is not None
        with self.database.read() as conn:
            return plans.get(conn, run.plan_id)

    def items(self, run: Run) -> list[PlanItem]:
        with self.database.read() as conn:
            return plans.items(conn, self.plan(run).id)

    def user(self, ref: str) -> Row:
        with self.database.read() as conn:
            return people.user(conn, ref)

    def users(self) -> dict[str, Row]:
        """Every user by e-mail."""
        with self.database.read() as conn:
            rows, _ = roster.users(conn, limit=100_000)
        return {row["email"]: row for row in rows}

    def managed(self, connection: Connection) -> dict[str, Person]:
        """The connection's people by the IdP's id (else externalId), as the outside sees them."""
        users = {row["id"]: row for row in self.users().values()}
        query = (
            sa.select(schema.directory_user, schema.link.c.user_id)
            .join(schema.link, schema.link.c.directory_user_id == schema.directory_user.c.id)
            .where(
                schema.directory_user.c.connection_id == connection.id,
                schema.directory_user.c.deleted_at.is_(None),
            )
        )
        with self.database.read() as conn:
            rows = conn.execute(query).all()
        return {row.external_id or row.scim_external_id: _person(users[row.user_id]) for row in rows}

    def attention(self) -> list[Row]:
        with self.database.read() as conn:
            return [dict(row) for row in attention.listed(conn)]

    def events(self) -> list[Row]:
        """Every event in order, from the table: the feed waits for others' transactions on the server."""
        rows = sorted(self.rows("outbox"), key=lambda row: row["seq"])
        return [from_json(row["body"]) for row in rows]

    def changes_told(self) -> list[Row]:
        """The events about people and groups, without those about runs and plans."""
        return [event for event in self.events() if event["type"].startswith(("user.", "group."))]

    def history(self, run: Run) -> list[Row]:
        with self.database.read() as conn:
            return history.of_run(conn, run.id)

    def rows(self, name: str) -> list[Row]:
        """Every row of a table, all columns, in a fixed order."""
        table = schema.metadata.tables[name]
        with self.database.read() as conn:
            found = [dict(row) for row in conn.execute(sa.select(table)).mappings()]
        return sorted(found, key=repr)

    def dump(self, *without: str) -> dict[str, list[Row]]:
        """Every row of every table but those named."""
        return {name: self.rows(name) for name in sorted(schema.metadata.tables) if name not in without}

    def close(self) -> None:
        self.database.close()


def _person(row: Row) -> Person:
    names = ("email", "first_name", "last_name", "picture_url", "active")
    return Person(**{name: row[name] for name in names}, tags=frozenset(row["tags"]))


def _no_source() -> Source:
    raise AssertionError("an approved plan is applied without reading the directory again")


@dataclass
class Reader:
    """Opens a simulated organisation without ever waiting: sleeping moves a clock of its own."""

    simulator: Simulator
    slept_s: float = 0.0

    def __call__(self) -> Source:
        settings = {
            "base_url": self.simulator.base_url,
            "picture_attribute": "picture",
            **self.simulator.credentials,
        }
        return open_source("okta", settings, monotonic=lambda: self.slept_s, sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.slept_s += seconds
        self.simulator.clock(advance=seconds)


def truth(simulator: Simulator, tag: str = "scim") -> dict[str, Person]:
    """Everybody whom a first pull provisions, by id, with the tags her groups give her."""
    state = simulator.state()
    tags = {person["id"]: {tag} for person in state["users"]}
    for group in state["groups"]:
        if group["kind"] != "built_in":
            for member in group["members"]:
                tags[member].add(f"Group:{group['name']}")
    return {
        person["id"]: Person(
            email=person["email"], first_name=person["first_name"], last_name=person["last_name"],
            picture_url=person["picture_url"], active=True, tags=frozenset(tags[person["id"]]),
        )
        for person in state["users"]
        if person["active"]
    }  # fmt: skip


@contextmanager
def house_at(url: str) -> Iterator[House]:
    house = House.at(url)
    try:
        yield house
    finally:
        house.close()
