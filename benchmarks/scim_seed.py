"""What the SCIM benchmark finds stored: people, accounts and groups, written in bulk as a pull would."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sync.model.connection import Mode
from sync.store import bulk, connections, migrate, schema
from sync.store.database import Conn, Database
from sync.store.ids import new_ids
from sync.store.text import to_json
from sync.store.times import to_text

TOKEN = "benchmark-" + "t" * 33
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def document(number: int) -> dict[str, Any]:
    """A user of about 1 KB, as Entra sends one."""
    first, last = f"First{number}", f"Last{number % 977}"
    return {
        "userName": f"user{number}@example.com",
        "externalId": f"ext-{number:08d}",
        "active": True,
        "displayName": f"{first} {last}",
        "title": "Engineer",
        "preferredLanguage": "en-US",
        "name": {"givenName": first, "familyName": last, "formatted": f"{first} {last}"},
        "emails": [{"value": f"user{number}@example.com", "type": "work", "primary": True}],
        "phoneNumbers": [{"value": f"+1 555 {number:07d}", "type": "work"}],
        "addresses": [{"type": "work", "streetAddress": "1 Main St", "locality": "Oslo", "country": "NO"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "department": f"Dept {number % 40}",
            "employeeNumber": str(number),
        },
    }


class Seeded:
    """A filled database: the connection's id, the people's ids, and a group of each size by its size."""

    def __init__(self, url: str, users: int, sizes: tuple[int, ...]) -> None:
        database = Database(url)
        migrate.upgrade(database)
        with database.write() as conn:
            self.connection_id = _connection(conn)
            self.user_ids = new_ids(users)
            _people(conn, self.connection_id, self.user_ids)
            self.groups = {size: _group(conn, self.connection_id, self.user_ids, size) for size in sizes}
        if not database.is_sqlite:
            with database.write() as conn:
                bulk.count_anew(conn)
        database.close()


def _connection(conn: Conn) -> str:
    connection_id, token_id = new_ids(2)
    connections.add(
        conn, id=connection_id, name="bench", type="scim", mode=Mode.PUSH, settings={}, sealed={},
        managed_tag="scim", from_file=False, now=_BEGAN,
    )  # fmt: skip
    hashed = hashlib.sha256(TOKEN.encode()).hexdigest()
    connections.add_token(conn, connection_id, id=token_id, hash=hashed, last_four=TOKEN[-4:], now=_BEGAN)
    return connection_id


def _people(conn: Conn, connection_id: str, ids: list[str]) -> None:
    accounts = new_ids(len(ids))
    people = list(_person_rows(connection_id, ids))
    users = [
        {
            "id": account, "email": row["email"], "email_key": row["email"], "first_name": row["first_name"],
            "last_name": row["last_name"], "active": True, "origin": "push", "created_at": row["created_at"],
            "updated_at": row["created_at"],
        }
        for account, row in zip(accounts, people, strict=True)
    ]  # fmt: skip
    links = [
        {
            "directory_user_id": row["id"], "user_id": account, "how": "created", "rule": "",
            "linked_at": row["created_at"],
        }
        for account, row in zip(accounts, people, strict=True)
    ]  # fmt: skip
    for table, rows in ((schema.directory_user, people), (schema.users, users), (schema.link, links)):
        bulk.insert(conn, table, tuple(rows[0]), [tuple(row.values()) for row in rows])


def _person_rows(connection_id: str, ids: list[str]) -> Iterator[dict[str, Any]]:
    for number, id_ in enumerate(ids):
        said = document(number)
        at = to_text(_BEGAN + timedelta(milliseconds=number))
        yield {
            "id": id_, "connection_id": connection_id, "scim_external_id": said["externalId"],
            "user_name": said["userName"], "user_name_key": said["userName"],
            "email": said["userName"], "email_key": said["userName"],
            "first_name": said["name"]["givenName"], "last_name": said["name"]["familyName"],
            "status": "active", "document": to_json(said), "origin": "push",
            "created_at": at, "updated_at": at,
        }  # fmt: skip


def _group(conn: Conn, connection_id: str, ids: list[str], size: int) -> str:
    """A group of people, and of ids nobody has yet where it is larger than they are many."""
    (group_id,) = new_ids(1)
    at, name = to_text(_BEGAN), f"Group of {size}"
    row = {
        "id": group_id, "connection_id": connection_id, "name": name, "name_key": name.lower(),
        "tag": f"Group:{name}", "document": to_json({"displayName": name}), "origin": "push",
        "created_at": at, "updated_at": at,
    }  # fmt: skip
    bulk.insert(conn, schema.directory_group, tuple(row), [tuple(row.values())])
    known = ids[: min(size, len(ids) // 2)]
    members = [(group_id, id_, "user", at) for id_ in known]
    members += [(group_id, f"stranger-{n}", "pending", at) for n in range(size - len(known))]
    bulk.insert(conn, schema.member, ("group_id", "value", "kind", "added_at"), members)
    return group_id
