"""What is stored of a connection's directory, read back in pages as the records it once was."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection as Conn
from sqlalchemy import Table, and_, bindparam, func, select

from sync.model.resources import GroupRecord, Status, UserRecord
from sync.store import schema
from sync.store.keys import among
from sync.store.text import chunks, from_json

_PERSON = schema.directory_user
_GROUP = schema.directory_group
_MEMBER = schema.member

PAGE: Final = 1000
"""Rows read at a time."""


def _page_of(table: Table, *columns: str) -> sa.Select[Any]:
    return (
        select(table.c.seq, *(table.c[name] for name in columns))
        .where(
            # Concatenated, so that the database walks the primary key: see resources.unmet.
            table.c.connection_id.concat("") == bindparam("connection_id"),
            table.c.deleted_at.is_(None),
            table.c.seq > bindparam("after"),
        )
        .order_by(table.c.seq)
        .limit(PAGE)
    )


_SAID: Final = ("id", "external_id", "user_name", "email", "first_name", "last_name", "picture_url", "status")
_PEOPLE: Final = _page_of(_PERSON, *_SAID, "status_text", "scim_external_id", "extra").where(
    _PERSON.c.status != Status.GONE.value
)
_GROUPS: Final = _page_of(_GROUP, "id", "external_id", "scim_external_id", "name")
_MEMBERS: Final = (
    select(
        _MEMBER.c.group_id,
        _MEMBER.c.kind,
        func.coalesce(_PERSON.c.external_id, _GROUP.c.external_id, _MEMBER.c.value).label("key"),
    )
    .outerjoin(_PERSON, and_(_MEMBER.c.kind == "user", _PERSON.c.id == _MEMBER.c.value))
    .outerjoin(_GROUP, and_(_MEMBER.c.kind == "group", _GROUP.c.id == _MEMBER.c.value))
    .where(among(_MEMBER.c.group_id, "keys"))
)


def people(conn: Conn, connection_id: str, after: int) -> list[tuple[int, UserRecord]]:
    """(seq, record) of the next live people after ``after``, the gone left out; 0 begins.

    Whom only a push has named stands with our own id instead of the IdP's.
    """
    rows = conn.execute(_PEOPLE, {"connection_id": connection_id, "after": after})
    return [
        (
            seq,
            UserRecord._make(
                (
                    external_id or id_,
                    *said,
                    Status(status),
                    status_text,
                    scim_external_id,
                    tuple(sorted(from_json(extra).items())) if extra else (),
                )
            ),
        )
        for seq, id_, external_id, *said, status, status_text, scim_external_id, extra in rows
    ]


def groups(conn: Conn, connection_id: str, after: int) -> list[tuple[int, str | None, GroupRecord]]:
    """(seq, id, record) of the next live groups after ``after``; the id is None without an IdP's id.

    A group that only a push has named stands with its externalId, else with our own id.
    """
    rows = conn.execute(_GROUPS, {"connection_id": connection_id, "after": after})
    return [
        (
            seq,
            id_ if external_id else None,
            GroupRecord(external_id or scim_external_id or id_, name, scim_external_id),
        )
        for seq, id_, external_id, scim_external_id, name in rows
    ]


def members(conn: Conn, group_ids: Iterable[str]) -> dict[str, tuple[list[str], list[str]]]:
    """External ids of the groups' members: (people and pending ones, nested groups), by our group id."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for part in chunks(group_ids):
        for group_id in part:
            found[group_id] = ([], [])
        for group_id, kind, key in conn.execute(_MEMBERS, {"keys": part}):
            found[group_id][kind == "group"].append(key)
    return found
