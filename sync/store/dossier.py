"""Everything kept about one person of a directory, in one statement: row, account, other links, groups.

A push speaks of one person at a time, so what it decides on is read together and once.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection as Conn
from sqlalchemy import Table, and_, bindparam

from sync.model.resources import DirectoryUser, User
from sync.model.session import GroupRef
from sync.store import schema
from sync.store.group_refs import GROUPS, NESTED, refs_of
from sync.store.prepared import Prepared
from sync.store.resources import directory_user_of, user_of

Row = Any
"""A named tuple of a table's columns."""

_PERSON = schema.directory_user
_ACCOUNT = schema.users
_LINK = schema.link
_OTHER: Final = _PERSON.alias("other")
_OTHER_LINK: Final = _LINK.alias("other_link")


def _row_of(table: Table, *further: str) -> Any:
    names = [*(column.name for column in table.columns), *further]
    return namedtuple(f"{table.name}_row", names, defaults=[None] * len(names))  # noqa: PYI024 - names of a table


PersonRow: Final = _row_of(_PERSON, "user_id")
"""A row of ``directory_user`` and the account it is linked to; columns not given are None."""
_AccountRow: Final = _row_of(_ACCOUNT)
_PERSON_END: Final = len(_PERSON.columns)
_LINK_END: Final = _PERSON_END + 1
_ACCOUNT_END: Final = _LINK_END + len(_ACCOUNT.columns)
_OTHER_END: Final = _ACCOUNT_END + _PERSON_END


@dataclass(frozen=True)
class Dossier:
    """One live directory user: ``account`` is None without one, ``others`` are its further live links.

    ``groups`` None: groups stand in groups, and have to be asked for.
    """

    row: Row
    account: Row | None
    others: tuple[Row, ...]
    groups: Sequence[GroupRef] | None

    @cached_property
    def person(self) -> DirectoryUser:
        """The row as the engine decides on it."""
        return directory_user_of(self.row)

    @cached_property
    def user(self) -> User | None:
        """The account as the engine decides on it."""
        return None if self.account is None else user_of(self.account)

    @property
    def links(self) -> list[DirectoryUser]:
        """Every live directory user of the account, oldest first."""
        if not self.others:
            return [self.person]
        return [directory_user_of(row) for row in sorted((self.row, *self.others), key=lambda row: row.seq)]


def _labelled(table: Any, prefix: str) -> list[sa.Label[Any]]:
    return [column.label(f"{prefix}_{column.name}") for column in table.columns]


_READ: Final = Prepared(
    sa.select(
        *_labelled(_PERSON, "p"),
        _LINK.c.user_id.label("p_user_id"),
        *_labelled(_ACCOUNT, "a"),
        *_labelled(_OTHER, "o"),
        GROUPS,
        NESTED,
    )
    .select_from(_PERSON)
    .outerjoin(_LINK, _LINK.c.directory_user_id == _PERSON.c.id)
    .outerjoin(_ACCOUNT, _ACCOUNT.c.id == _LINK.c.user_id)
    .outerjoin(
        _OTHER_LINK,
        and_(
            _OTHER_LINK.c.user_id == _LINK.c.user_id,
            _OTHER_LINK.c.directory_user_id != _LINK.c.directory_user_id,
        ),
    )
    .outerjoin(_OTHER, and_(_OTHER.c.id == _OTHER_LINK.c.directory_user_id, _OTHER.c.deleted_at.is_(None)))
    .where(
        # Concatenated, so that SQLite finds the row by its id and does not walk all of the connection's.
        _PERSON.c.connection_id.concat("") == bindparam("of"),
        _PERSON.c.id == bindparam("who"),
        _PERSON.c.deleted_at.is_(None),
    )
)


def read(conn: Conn, connection_id: str, directory_user_id: str) -> Dossier | None:
    """The connection's live directory user of this id, None where there is none."""
    rows = _READ.all(conn, of=connection_id, who=directory_user_id)
    if not rows:
        return None
    first = rows[0]
    account = _AccountRow._make(first[_LINK_END:_ACCOUNT_END]) if first.a_id is not None else None
    others = tuple(
        PersonRow._make((*row[_ACCOUNT_END:_OTHER_END], first.p_user_id))
        for row in rows
        if row.o_id is not None
    )
    return Dossier(PersonRow._make(first[:_LINK_END]), account, others, refs_of(first))
