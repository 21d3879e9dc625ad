"""Rows for the store's tests, written straight into the tables."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection as Conn
from sqlalchemy import insert

from sync.model.connection import Connection
from sync.model.resources import fold
from sync.store import connections, further_emails, schema
from sync.store.database import Database
from sync.store.ids import new_id
from sync.store.times import to_text

NOW = datetime(2026, 11, 24, 10, 20, 30, 123456, tzinfo=UTC)


def at(minutes: float) -> str:
    """A time of the tables, ``minutes`` after NOW."""
    return to_text(NOW + timedelta(minutes=minutes))


def add_connection(database: Database, name: str, **settings: Any) -> Connection:
    with database.write() as conn:
        return connections.add(
            conn,
            id=new_id(),
            name=name,
            type="okta",
            mode="both",
            settings=settings,
            sealed={},
            managed_tag="scim",
            from_file=False,
            now=NOW,
        )


def add_user(conn: Conn, email: str | None, **columns: Any) -> str:
    """A user of the application; its id."""
    row: dict[str, Any] = {
        "id": new_id(),
        "email": email,
        "email_key": fold(email),
        "active": True,
        "origin": "manual",
    }
    row |= {"created_at": at(0), "updated_at": at(0)} | columns
    conn.execute(insert(schema.users).values(row))
    return str(row["id"])


def add_directory_user(
    conn: Conn,
    connection_id: str,
    user_name: str,
    *,
    user_id: str | None = None,
    document: Any = None,
    **columns: Any,
) -> str:
    """A directory user, linked when ``user_id`` is given; its id."""
    row: dict[str, Any] = {
        "id": new_id(),
        "connection_id": connection_id,
        "user_name": user_name,
        "status": "active",
    }
    row |= {"user_name_key": fold(user_name), "email_key": fold(columns.get("email")), "origin": "pull"}
    row |= {"document": None if document is None else orjson.dumps(document).decode()}
    row |= {"created_at": at(0), "updated_at": at(0)} | columns
    conn.execute(insert(schema.directory_user).values(row))
    further_emails.replace(conn, row["id"], further_emails.keys_of(row["document"], row["email_key"]))
    if user_id is not None:
        link = {"directory_user_id": row["id"], "user_id": user_id, "how": "created", "rule": "new"}
        conn.execute(insert(schema.link).values(link | {"linked_at": at(0)}))
    return str(row["id"])


def add_group(conn: Conn, connection_id: str, name: str, *, document: Any = None, **columns: Any) -> str:
    """A group; its id."""
    row: dict[str, Any] = {
        "id": new_id(),
        "connection_id": connection_id,
        "name": name,
        "name_key": fold(name),
    }
    row |= {"tag": f"Group:{name}", "origin": "pull", "created_at": at(0), "updated_at": at(0)}
    row |= {"document": None if document is None else orjson.dumps(document).decode()} | columns
    conn.execute(insert(schema.directory_group).values(row))
    return str(row["id"])


def add_member(conn: Conn, group_id: str, value: str, kind: str = "user", **columns: Any) -> None:
    row = {"group_id": group_id, "value": value, "kind": kind, "added_at": at(0)} | columns
    conn.execute(insert(schema.member).values(row))
