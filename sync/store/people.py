"""What people and applications read of one user: tags with their sources, directory users, groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import ColumnElement, and_, func, literal, or_, select
from sqlalchemy import Connection as Conn

from sync.model.errors import Conflict, NotFound
from sync.model.resources import fold
from sync.store import schema
from sync.store.fold import prefix_range
from sync.store.keys import among
from sync.store.live_links import LIVE_LINKS
from sync.store.nesting import ABOVE
from sync.store.text import chunks, from_json, nearest

_USERS = schema.users
_PERSON = schema.directory_user
_GROUP = schema.directory_group
_MEMBER = schema.member
_LINK = schema.link
_CONNECTION = schema.connection

_NEAR_LIMIT: Final = 2000
"""E-mails looked through for the one a caller may have meant."""


Narrow = Callable[[ColumnElement[Any], ColumnElement[Any]], ColumnElement[bool]]


def _tag_rows(narrow: Narrow) -> sa.CompoundSelect[Any]:
    """(user_id, tag, source) of the tags users have; the same rows as the view ``app_user_tags``.

    ``narrow`` is asked per source, with its user and tag: SQLite pushes no condition into a union.
    """
    tag = schema.user_tag
    by_hand = select(
        tag.c.user_id.label("user_id"), tag.c.tag.label("tag"), literal("by hand").label("source")
    )
    by_connection = select(
        _LINK.c.user_id, _CONNECTION.c.managed_tag, literal("connection:") + _CONNECTION.c.name
    )
    by_group = select(_LINK.c.user_id, _GROUP.c.tag, literal("group:") + _GROUP.c.id)
    member_of = and_(_MEMBER.c.value == _LINK.c.directory_user_id, _MEMBER.c.kind == "user")
    by_nested = select(_LINK.c.user_id, _GROUP.c.tag, literal("group:") + _GROUP.c.id)
    tagging = and_(_GROUP.c.deleted_at.is_(None), _GROUP.c.tag.is_not(None))
    return sa.union(
        by_hand.where(narrow(tag.c.user_id, tag.c.tag)),
        by_connection.select_from(
            LIVE_LINKS.join(_CONNECTION, _CONNECTION.c.id == _PERSON.c.connection_id)
        ).where(narrow(_LINK.c.user_id, _CONNECTION.c.managed_tag)),
        by_group.select_from(
            _LINK.join(_MEMBER, member_of).join(_GROUP, _GROUP.c.id == _MEMBER.c.group_id)
        ).where(tagging, narrow(_LINK.c.user_id, _GROUP.c.tag)),
        by_nested.select_from(
            _LINK.join(_MEMBER, member_of)
            .join(ABOVE, ABOVE.c.below == _MEMBER.c.group_id)
            .join(_GROUP, _GROUP.c.id == ABOVE.c.above)
        ).where(tagging, narrow(_LINK.c.user_id, _GROUP.c.tag)),
    )


_TAGS_OF: Final = _tag_rows(lambda user_id, _: among(user_id, "keys")).order_by("tag", "source")
_CONNECTIONS_OF: Final = (
    select(_LINK.c.user_id, _CONNECTION.c.name)
    .distinct()
    .select_from(LIVE_LINKS.join(_CONNECTION, _CONNECTION.c.id == _PERSON.c.connection_id))
    .where(among(_LINK.c.user_id, "keys"))
    .order_by(_CONNECTION.c.name)
)


def with_sources(conn: Conn, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same rows with ``managed``, ``tags`` and ``connections``."""
    ids = [row["id"] for row in rows]
    tags, linked = tags_of(conn, ids), _connections_of(conn, ids)
    for row in rows:
        names = linked.get(row["id"], [])
        row["managed"] = bool(names)
        row["tags"] = list(dict.fromkeys(tag for tag, _ in tags.get(row["id"], [])))
        row["connections"] = names
    return rows


def tags_of(conn: Conn, user_ids: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
    """(tag, source) of each user, by tag; a source is ``by hand``, ``connection:NAME`` or ``group:ID``."""
    found: dict[str, list[tuple[str, str]]] = {}
    for part in chunks(user_ids):
        for user_id, tag, source in conn.execute(_TAGS_OF, {"keys": part}):
            found.setdefault(user_id, []).append((tag, source))
    return found


def _connections_of(conn: Conn, user_ids: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for part in chunks(user_ids):
        for user_id, name in conn.execute(_CONNECTIONS_OF, {"keys": part}):
            found.setdefault(user_id, []).append(name)
    return found


def emails(conn: Conn, user_ids: Iterable[str]) -> dict[str, str | None]:
    """The e-mail of each of these users that there is."""
    return {
        row.id: row.email
        for part in chunks(user_ids)
        for row in conn.execute(select(_USERS.c.id, _USERS.c.email).where(_USERS.c.id.in_(part)))
    }


def user(conn: Conn, ref: str) -> dict[str, Any]:
    """A user by id, e-mail (any case) or external id, with directory users and groups.

    Raises NotFound naming the nearest e-mails, and Conflict when several fit.
    """
    row = conn.execute(select(_USERS).where(_USERS.c.id == _one_user_id(conn, ref))).one()
    shown = {name: value for name, value in row._asdict().items() if name != "email_key"}
    shown["extra"] = from_json(row.extra) if row.extra else {}
    (result,) = with_sources(conn, [shown])
    result["tag_sources"] = [
        {"tag": tag, "source": source} for tag, source in tags_of(conn, [row.id]).get(row.id, [])
    ]
    result["directory_users"] = _directory_users(conn, row.id)
    result["groups"] = _groups(conn, row.id)
    return result


def subject_id(conn: Conn, ref: str) -> str:
    """The id by which events name a person or a group; an e-mail is looked up. Raises NotFound, Conflict."""
    return _one_user_id(conn, ref) if "@" in ref else ref


def _one_user_id(conn: Conn, ref: str) -> str:
    by_external = select(_LINK.c.user_id).join(_PERSON, _PERSON.c.id == _LINK.c.directory_user_id)
    for statement in (
        select(_USERS.c.id).where(_USERS.c.id == ref),
        select(_USERS.c.id).where(_USERS.c.email_key == fold(ref)),
        by_external.where(or_(_PERSON.c.external_id == ref, _PERSON.c.id == ref)).distinct(),
    ):
        ids = list(conn.execute(statement.limit(4)).scalars())
        if len(ids) > 1:
            raise Conflict(f"{ref} fits several users: {', '.join(sorted(ids))}; name one by its id")
        if ids:
            return str(ids[0])
    raise NotFound(f"there is no user with the id, e-mail or external id {ref}{_near_emails(conn, ref)}")


def _near_emails(conn: Conn, ref: str) -> str:
    begins = prefix_range(_USERS.c.email_key, (fold(ref) or "")[:2])
    near = select(_USERS.c.email).where(_USERS.c.email.is_not(None), begins).limit(_NEAR_LIMIT)
    return nearest(ref, list(conn.execute(near).scalars()))


def _directory_users(conn: Conn, user_id: str) -> Sequence[dict[str, Any]]:
    names = ("id", "connection_id", "external_id", "scim_external_id", "user_name", "email", "first_name")
    further = (
        "last_name",
        "picture_url",
        "status",
        "status_text",
        "reason",
        "origin",
        "version",
        "deleted_at",
    )
    statement = (
        select(
            *(_PERSON.c[name] for name in (*names, *further)),
            _CONNECTION.c.name.label("connection"),
            _LINK.c.how,
            _LINK.c.rule,
            _LINK.c.run_id,
            _LINK.c.linked_at,
        )
        .select_from(_LINK.join(_PERSON, _PERSON.c.id == _LINK.c.directory_user_id))
        .join(_CONNECTION, _CONNECTION.c.id == _PERSON.c.connection_id)
        .where(_LINK.c.user_id == user_id)
        .order_by(_PERSON.c.seq)
    )
    return [row._asdict() for row in conn.execute(statement)]


def _groups(conn: Conn, user_id: str) -> Sequence[dict[str, Any]]:
    """A user's groups; ``direct`` is False where she is in one only through a group within it."""
    mine = (
        select(_MEMBER.c.group_id, literal(1).label("direct"))
        .join(_LINK, _MEMBER.c.value == _LINK.c.directory_user_id)
        .where(_LINK.c.user_id == user_id, _MEMBER.c.kind == "user")
    ).cte("mine")
    above = select(ABOVE.c.above, literal(0)).join(mine, mine.c.group_id == ABOVE.c.below)
    every = sa.union(select(mine.c.group_id, mine.c.direct), above).subquery("every")
    direct = func.max(every.c.direct).label("direct")
    statement = (
        select(_GROUP.c.id, _GROUP.c.name, _GROUP.c.tag, _CONNECTION.c.name.label("connection"), direct)
        .join(every, every.c.group_id == _GROUP.c.id)
        .join(_CONNECTION, _CONNECTION.c.id == _GROUP.c.connection_id)
        .where(_GROUP.c.deleted_at.is_(None))
        .group_by(_GROUP.c.id, _GROUP.c.name, _GROUP.c.name_key, _GROUP.c.tag, _CONNECTION.c.name)
        .order_by(_GROUP.c.name_key, _GROUP.c.id)
    )
    return [row._asdict() | {"direct": bool(row.direct)} for row in conn.execute(statement)]
