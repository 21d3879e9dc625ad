"""How long each page of the console takes the server, in an installation of 100,000 people.

python -m benchmarks.console                            # both databases, 100,000 people, 2,000 groups
python -m benchmarks.console --users 10000 --database sqlite --times 5

Every page is asked for some times through the whole application, in this process, and timed by the clock
and by the processor; "after a change" means that something was applied since, so that no number counted
before stands any more. JSON on stdout: per page the 95th percentile and the median in milliseconds, the
processor's median, and the bytes; ``first_visit_bytes`` is what a browser that was never here transfers
for the dashboard.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
from sqlalchemy import create_engine, text

from benchmarks import databases
from benchmarks.scim_seed import Seeded
from connector import memory
from connector.app import App
from connector.settings import Settings
from connector.web.asgi import application
from sync.model.access import Role
from sync.model.connection import Mode
from sync.store import bulk, deliveries, endpoints, schema
from sync.store.connections import add as add_connection
from sync.store.database import Conn
from sync.store.ids import new_ids
from sync.store.text import chunks, to_json
from sync.store.times import to_text

MEMBERS = 500
"""Members of each group: 2,000 groups hold a million."""

ITEMS = 50_000
BEGAN = datetime.now(UTC) - timedelta(days=5)
"""Within the days whose changes the dashboard shows."""

SUSPENDED, UNMANAGED, GONE = 20, 50, 33
"""Of so many people one is suspended, nobody's, or no longer in the directory."""

AFTER_A_CHANGE = ("dashboard", "seats", "status")
SECOND = 10
"""Of so many people one is in a second directory too, once there is one."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=20, help="requests per page that count")
    parser.add_argument("--database", action="append", help="sqlite, postgresql, or a URL; default both")
    chosen = parser.parse_args()
    found = {}
    for name in chosen.database or databases.NAMES:
        with databases.empty(name) as url:
            found[databases.kind(url)] = measured(url, chosen.users, chosen.times)
    print(json.dumps({"users": chosen.users, "databases": found}, indent=1))


def measured(url: str, users: int, times: int) -> dict[str, Any]:
    """Every page of a filled installation, timed."""
    seeded = Seeded(url, users, ())
    settings = Settings.model_validate({"database_url": url, "seats": {"limit": users * 2}})
    with App(settings) as app:
        with app.wires.database.write() as conn:
            names = fill(conn, seeded)
        if not app.wires.database.is_sqlite:
            # What autovacuum would have done by then.
            with create_engine(url, isolation_level="AUTOCOMMIT").connect() as conn:
                conn.execute(text("VACUUM ANALYZE"))
        app.accounts.add("bench@example.com", Role.ADMIN, by="bench")
        link = app.accounts.link("bench@example.com", by="bench")["link"]
        return asyncio.run(_timed(app, link, pages(names), times))


def pages(names: dict[str, str]) -> dict[str, str]:
    """A path per page and per costly way to narrow it."""
    tag = quote("Group:Group 00007", safe="")
    return {
        "dashboard": "/",
        "plans": "/plans",
        "plan": f"/plans/{names['plan']}",
        "plan, searched": f"/plans/{names['plan']}?search=user49",
        "attention": "/attention",
        "runs": "/runs",
        "run": f"/runs/{names['run']}",
        "users": "/users",
        "users, page 1,000": f"/users?after={names['late']}",
        "users, searched": "/users?search=user777",
        "users of a connection": "/users?connection=bench",
        "users managed by nobody": "/users?managed=false",
        "users managed": "/users?managed=true",
        "users suspended": "/users?active=false",
        "users with the tag scim": "/users?tag=scim",
        "users with a group's tag": f"/users?tag={tag}",
        "users protected": "/users?protected=true",
        "users waiting": "/users?waiting=true",
        "user": f"/users/{names['user']}",
        "groups": "/groups",
        "groups, searched": "/groups?search=group+007",
        "group": f"/groups/{names['group']}",
        "seats": "/seats",
        "events": "/events",
        "events of a rare type": "/events?types=run.failed",
        "webhooks": "/webhooks",
        "audit": "/audit",
        "audit, searched": "/audit?search=user7",
        "deliveries of a type": f"/webhooks/{names['webhook']}?type=user.created",
        "settings": "/settings",
        "status": "/api/v1/status",
    }


async def _timed(app: App, link: str, paths: dict[str, str], times: int) -> dict[str, Any]:
    transport = httpx.ASGITransport(application(app), client=("127.0.0.1", 50_000))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1:8080", headers={"Accept": "text/html"}, timeout=60
    ) as client:
        path = httpx.URL(link).path
        door = (await client.get(path)).text
        proof = re.search(r'name="proof" value="(\w+)"', door)
        assert proof is not None
        await client.post(path, data={"proof": proof[1]})
        memory.settle()  # as the daemon does once it serves
        found = {}
        for name, each in paths.items():
            found[name] = await _page(client, each, times)
            print(f"  {name}: {found[name]}", file=sys.stderr)
        for name in AFTER_A_CHANGE:
            title = f"{name}, after a change"
            found[title] = await _page(client, paths[name], times, before=lambda: _change(app))
            print(f"  {title}: {found[title]}", file=sys.stderr)
        with app.wires.database.write() as conn:
            second_directory(conn)
        for name in AFTER_A_CHANGE:
            title = f"{name}, after a change, two connections"
            found[title] = await _page(client, paths[name], times, before=lambda: _change(app))
            print(f"  {title}: {found[title]}", file=sys.stderr)
        return {"pages": found, "first_visit_bytes": await _first_visit(client)}


async def _page(
    client: httpx.AsyncClient, path: str, times: int, before: Callable[[], object] = lambda: None
) -> dict[str, float]:
    spans, worked = [], []
    for _ in range(times + 1):
        before()
        began, cpu = time.perf_counter(), time.process_time()
        answer = await client.get(path)
        spans.append((time.perf_counter() - began) * 1000)
        worked.append((time.process_time() - cpu) * 1000)
        if answer.status_code != 200:
            raise SystemExit(f"{path} answers {answer.status_code}: {answer.text[:300]}")
    return {
        "first_ms": round(spans[0], 1),
        "p95_ms": _p95(spans[1:]),
        "median_ms": round(statistics.median(spans[1:]), 1),
        "cpu_p95_ms": _p95(worked[1:]),
        "cpu_ms": round(statistics.median(worked[1:]), 1),
        "bytes": len(answer.content),
    }


def _p95(spans: list[float]) -> float:
    return round(sorted(spans)[min(len(spans) - 1, round(0.95 * len(spans)))], 1)


async def _first_visit(client: httpx.AsyncClient) -> int:
    """Bytes on the wire for the dashboard and all that it names."""
    page = await client.get("/")
    total = len(page.content)
    for path in dict.fromkeys(re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)):
        async with client.stream("GET", path) as answer:
            total += sum([len(part) async for part in answer.aiter_raw()])
    return total


# --- what is stored ---------------------------------------------------------------------------------


def fill(conn: Conn, seeded: Seeded) -> dict[str, str]:
    """Groups, a history, events, an audit, questions, runs and a held plan; the ids the paths need."""
    users = list(conn.execute(schema.users.select().order_by(schema.users.c.id)))
    groups = _groups(conn, seeded, len(users) // 50)
    run, plan = _held_plan(conn, seeded.connection_id, [user.email for user in users])
    _exceptions(conn, users, seeded.user_ids)
    _put(conn, schema.history, _history(seeded.connection_id, run, users))
    _put(conn, schema.outbox, _events(seeded.connection_id, users))
    _put(conn, schema.audit, _audit(users[: len(users) // 5]))
    _put(conn, schema.attention, _questions(seeded.connection_id, users[:2000]))
    found = {"plan": plan, "run": run, "group": groups[7], "user": users[len(users) // 2].id}
    return found | {"late": users[len(users) * 9 // 10].id, "webhook": _webhook(conn)}


def _webhook(conn: Conn) -> str:
    """One that has had every event."""
    (id,) = new_ids(1)
    endpoints.add(conn, id=id, url="https://app.example.com/hooks", secrets=(), types=(), connection_id=None,
                  note="", position=0, by="bench", now=BEGAN)  # fmt: skip
    while deliveries.fan_out(conn, endpoints.get(conn, id), now=BEGAN):
        pass
    table = schema.delivery
    conn.execute(table.update().values(state="delivered", next_at=None, attempts=1, last_at=to_text(BEGAN)))
    return id


def _exceptions(conn: Conn, users: list[Any], people: list[str]) -> None:
    """Some are suspended, some have no directory, and some have left theirs."""
    table, link, person = schema.users, schema.link, schema.directory_user
    for of, keys, change in (
        (table.c.id, [user.id for user in users[7::SUSPENDED]], table.update().values(active=False)),
        (link.c.directory_user_id, people[3::UNMANAGED], link.delete()),
        (person.c.id, people[5::GONE], person.update().values(deleted_at=to_text(BEGAN))),
    ):
        for part in chunks(keys):
            conn.execute(change.where(of.in_(part)))


def second_directory(conn: Conn) -> None:
    """Another connection, which every tenth account is linked to as well."""
    (id,) = new_ids(1)
    add_connection(conn, id=id, name="second", type="scim", mode=Mode.PUSH, settings={}, sealed={},
                   managed_tag="scim", from_file=False, now=BEGAN)  # fmt: skip
    users = list(conn.execute(schema.users.select().order_by(schema.users.c.id)))[::SECOND]
    people, at = new_ids(len(users)), to_text(BEGAN)
    _put(conn, schema.directory_user, (
        {
            "id": person, "connection_id": id, "external_id": user.email, "user_name": user.email,
            "user_name_key": user.email, "email": user.email, "email_key": user.email,
            "first_name": user.first_name, "last_name": user.last_name, "status": "active",
            "origin": "push", "created_at": at, "updated_at": at,
        }
        for person, user in zip(people, users, strict=True)
    ))  # fmt: skip
    _put(conn, schema.link, (
        {"directory_user_id": person, "user_id": user.id, "how": "adopted", "rule": "email", "linked_at": at}
        for person, user in zip(people, users, strict=True)
    ))  # fmt: skip
    bulk.count_anew(conn)


def _change(app: App) -> None:
    """Somebody joins: what is counted over everybody is counted anew."""
    with app.wires.database.write() as conn:
        row = {"at": to_text(datetime.now(UTC)), "actor": "bench", "action": "create", "kind": "user"}
        row |= {
            "subject_id": "nobody",
            "label": "nobody",
            "reason": "a change",
            "before": "{}",
            "after": "{}",
        }
        conn.execute(schema.history.insert().values(row))


def _groups(conn: Conn, seeded: Seeded, count: int) -> list[str]:
    ids, at, people = new_ids(count), to_text(BEGAN), seeded.user_ids
    _put(
        conn,
        schema.directory_group,
        (
            {
                "id": id, "connection_id": seeded.connection_id, "name": f"Group {number:05d}",
                "name_key": f"group {number:05d}", "tag": f"Group:Group {number:05d}", "origin": "push",
                "created_at": at, "updated_at": at,
            }
            for number, id in enumerate(ids)
        ),
    )  # fmt: skip
    _put(
        conn,
        schema.member,
        (
            {
                "group_id": id,
                "value": people[(number * 97 + each * 13) % len(people)],
                "kind": "user",
                "added_at": at,
            }
            for number, id in enumerate(ids)
            for each in range(min(MEMBERS, len(people) // 13))
        ),
    )
    return ids


def _held_plan(conn: Conn, connection_id: str, emails: list[str]) -> tuple[str, str]:
    run, plan, at = *new_ids(2), to_text(BEGAN)
    _put(conn, schema.run, _runs(connection_id, run, plan))
    row = {
        "id": plan, "run_id": run, "connection_id": connection_id, "mode": "full", "complete": True,
        "verdict": "held", "reasons": to_json(["too many suspensions"]), "hash": "ab" * 16,
        "counts": to_json({"suspend": len(emails)}), "state": "held", "created_at": at,
    }  # fmt: skip
    _put(conn, schema.plan, [row])
    _put(conn, schema.plan_item, _items(plan, emails[:ITEMS]))
    return run, plan


def _runs(connection_id: str, last: str, plan: str) -> Iterator[dict[str, Any]]:
    for number, id in enumerate([*new_ids(500), last]):
        at = to_text(BEGAN + timedelta(hours=number))
        yield {
            "id": id, "connection_id": connection_id, "trigger": "schedule", "mode": "full",
            "state": "held" if id == last else "succeeded", "complete": True, "requested_at": at,
            "requested_by": "schedule", "started_at": at, "ended_at": at, "counts": to_json({"update": 4}),
            "plan_id": plan if id == last else None,
        }  # fmt: skip


def _items(plan: str, emails: list[str]) -> Iterator[dict[str, Any]]:
    for place, email in enumerate(emails):
        subject = {"kind": "user", "id": f"{place:016d}", "label": email, "external_id": email}
        change = {
            "subject": subject,
            "action": "suspend", "reason": "absent from a complete read",
            "before": {"active": True}, "after": {"active": False},
        }  # fmt: skip
        yield {
            "plan_id": plan, "place": place, "id": f"{place:012x}", "action": "suspend", "state": "held",
            "label": email, "change": to_json(change),
        }  # fmt: skip


def _history(connection_id: str, run: str, users: list[Any]) -> Iterator[dict[str, Any]]:
    for number, user in enumerate(users):
        yield {
            "at": to_text(BEGAN + timedelta(seconds=number)), "connection_id": connection_id, "run_id": run,
            "actor": "run:schedule", "action": "create", "kind": "user", "subject_id": user.id,
            "user_id": user.id, "label": user.email, "reason": "in the directory", "before": "{}",
            "after": to_json({"email": user.email, "active": True}),
        }  # fmt: skip


def _events(connection_id: str, users: list[Any]) -> Iterator[dict[str, Any]]:
    for id, user in zip(new_ids(len(users)), users, strict=True):
        about = {"id": user.id, "label": user.email}
        body = {"id": id, "type": "user.created", "occurred_at": user.created_at, "subject": about}
        body |= {"reason": "in the directory", "changes": {"before": {}, "after": {"email": user.email}}}
        yield {
            "id": id, "type": "user.created", "occurred_at": user.created_at, "connection_id": connection_id,
            "subject_id": user.id, "body": to_json(body),
        }  # fmt: skip


def _audit(users: list[Any]) -> Iterator[dict[str, Any]]:
    for number, user in enumerate(users):
        yield {
            "at": to_text(BEGAN + timedelta(seconds=number)), "action": "users.protect", "by": "console:ada",
            "via": "console", "address": "192.0.2.7", "kind": "user", "subject_id": user.id,
            "label": user.email, "before": '{"protected":false}', "after": '{"protected":true}',
        }  # fmt: skip


def _questions(connection_id: str, users: list[Any]) -> Iterator[dict[str, Any]]:
    for id, user in zip(new_ids(len(users)), users, strict=True):
        yield {
            "id": id, "connection_id": connection_id, "kind": "confirm_adoption", "key": user.id,
            "label": user.email, "why": "the account is protected; confirm to link it",
            "detail": to_json({"user_ids": [user.id]}), "first_seen_at": to_text(BEGAN),
        }  # fmt: skip


def _put(conn: Conn, table: Any, rows: Any) -> None:
    found = list(rows)
    bulk.insert(conn, table, tuple(found[0]), [tuple(row.values()) for row in found])


if __name__ == "__main__":
    main()
