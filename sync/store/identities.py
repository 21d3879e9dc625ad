"""Who members are to somebody outside: our ids, and the directory's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from sync.store.keys import among
from sync.store.prepared import Prepared
from sync.store.schema import directory_group, directory_user, link
from sync.store.text import chunks

Row = Mapping[str, Any]

Moved = tuple[str, str]
"""Who came into a group or left it: the member's value and its kind, "user", "group" or "pending"."""


def of(conn: Connection, moved: Iterable[Moved]) -> dict[str, Row]:
    """Who these members are to somebody outside, by member value: our ids, and the IdP's."""
    found: dict[str, Row] = {}
    users_: list[str] = []
    groups_: list[str] = []
    for value, kind in moved:
        if kind == "pending":
            found[value] = _identity("pending", None, value, None)
        else:
            (users_ if kind == "user" else groups_).append(value)
    for part in chunks(users_):
        for id_, external_id, user_id in _WHO.all(conn, keys=part):
            found[id_] = _identity("user", id_, external_id, user_id)
    for part in chunks(groups_):
        for id_, external_id in _WHICH.all(conn, keys=part):
            found[id_] = _identity("group", id_, external_id, None)
    return found


def _identity(kind: str, directory_id: str | None, external_id: str | None, user_id: str | None) -> Row:
    return {"kind": kind, "user_id": user_id, "directory_id": directory_id, "external_id": external_id}


_WHO = Prepared(
    sa.select(
        directory_user.c.id,
        sa.func.coalesce(directory_user.c.external_id, directory_user.c.scim_external_id),
        link.c.user_id,
    )
    .outerjoin(link, link.c.directory_user_id == directory_user.c.id)
    .where(among(directory_user.c.id, "keys"))
)
_WHICH = Prepared(
    sa.select(
        directory_group.c.id,
        sa.func.coalesce(directory_group.c.external_id, directory_group.c.scim_external_id),
    ).where(among(directory_group.c.id, "keys"))
)


def group_names(conn: Connection, ids: Iterable[str]) -> dict[str, tuple[str, str | None]]:
    """Name and external id of groups, by our id."""
    found: dict[str, tuple[str, str | None]] = {}
    for part in chunks(ids):
        query = sa.select(directory_group.c.id, directory_group.c.name, directory_group.c.external_id)
        for id_, name, external_id in conn.execute(query.where(directory_group.c.id.in_(part))):
            found[id_] = (name, external_id)
    return found
