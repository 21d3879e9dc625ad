"""By which ways people of a connection come to their tags: groups, groups above them, memberships."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

import sqlalchemy as sa
from sqlalchemy import Connection as Conn

from sync.store.keys import among, aside
from sync.store.people import tags_of
from sync.store.schema import directory_group, link, member
from sync.store.text import chunks


def tags(conn: Conn, connection_id: str) -> dict[str, str]:
    """Tag by group."""
    query = sa.select(directory_group.c.id, directory_group.c.tag).where(
        directory_group.c.connection_id == connection_id,
        directory_group.c.deleted_at.is_(None),
        directory_group.c.tag.is_not(None),
    )
    return {row.id: row.tag for row in conn.execute(query)}


def above(conn: Conn, connection_id: str) -> dict[str, set[str]]:
    """The groups that hold a group directly, by group."""
    query = (
        sa.select(member.c.value, member.c.group_id)
        .join(directory_group, directory_group.c.id == member.c.group_id)
        .where(
            # From the few nested groups, never from every member of the connection's groups.
            member.c.kind == sa.literal_column("'group'"),
            aside(directory_group.c.connection_id) == connection_id,
        )
    )
    found: dict[str, set[str]] = {}
    for below, holder in conn.execute(query):
        found.setdefault(below, set()).add(holder)
    return found


def people_in(conn: Conn, group_ids: Iterable[str]) -> Iterator[str]:
    """Everybody who is directly in any of these groups; somebody in two comes twice."""
    for group_id in group_ids:
        query = sa.select(member.c.value).where(
            member.c.group_id == group_id, member.c.kind == sa.literal_column("'user'")
        )
        yield from conn.scalars(query).all()


def groups_of(conn: Conn, people: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """The groups that each of these is directly in, as far as they are people."""
    query = sa.select(member.c.value, member.c.group_id).where(
        among(member.c.value, "keys"), member.c.kind == sa.literal_column("'user'")
    )
    for part in chunks(people):
        found: dict[str, list[str]] = {person: [] for person in part}
        for person, group_id in conn.execute(query, {"keys": part}):
            found[person].append(group_id)
        yield from found.items()


def kept_elsewhere(conn: Conn, own_groups: Container[str], people: Iterable[str]) -> dict[str, set[str]]:
    """The tags that the accounts of these directory users have by other ways than these groups.

    Such ways are a hand, being managed at all, and groups of another connection.
    """
    accounts: dict[str, str] = {}
    query = sa.select(link.c.directory_user_id, link.c.user_id).where(among(link.c.directory_user_id, "keys"))
    for part in chunks(people):
        accounts.update((person, user_id) for person, user_id in conn.execute(query, {"keys": part}))
    found = tags_of(conn, accounts.values())
    return {
        person: {
            tag for tag, source in found.get(user_id, ()) if source.removeprefix("group:") not in own_groups
        }
        for person, user_id in accounts.items()
    }
