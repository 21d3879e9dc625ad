"""Whether a directory manages a user: a link counts while its directory user is no tombstone."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import and_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import NullType

from sync.store import schema
from sync.store.keys import aside

_USERS = schema.users
_PERSON = schema.directory_user
_LINK = schema.link

LIVE_LINKS: Final = _LINK.join(
    _PERSON, and_(_PERSON.c.id == _LINK.c.directory_user_id, _PERSON.c.deleted_at.is_(None))
)


class is_tombstone(GenericFunction[Any]):  # noqa: N801 - SQL functions are named like this
    """Whether a directory user is gone, told by the index of the few who are."""

    type = NullType()
    inherit_cache = True


@compiles(is_tombstone, "sqlite")
def _in_list(element: is_tombstone, compiler: SQLCompiler, **options: Any) -> str:
    (id_,) = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{id_} IN (SELECT gone.id FROM directory_user gone WHERE gone.deleted_at IS NOT NULL)"


@compiles(is_tombstone, "postgresql")
def _there_is(element: is_tombstone, compiler: SQLCompiler, **options: Any) -> str:
    (id_,) = (compiler.process(clause, **options) for clause in element.clauses)
    gone = f"gone.id = {id_} AND gone.deleted_at IS NOT NULL"
    return f"EXISTS (SELECT 1 FROM directory_user gone WHERE {gone})"


MANAGED: Final = (
    sa.exists(sa.literal_column("1"))
    .where(_LINK.c.user_id == _USERS.c.id, sa.not_(is_tombstone(_LINK.c.directory_user_id)))
    .correlate(_USERS)
)


def _ended() -> sa.Select[Any]:
    again = _LINK.alias("again")
    managed = (
        sa.exists(sa.literal_column("1"))
        .where(again.c.user_id == _LINK.c.user_id, sa.not_(is_tombstone(again.c.directory_user_id)))
        .correlate(_LINK)
    )
    gone = select(_PERSON.c.id).where(_PERSON.c.deleted_at.is_not(None))
    user_id = aside(_LINK.c.user_id).label("user_id")
    return select(user_id).distinct().where(_LINK.c.directory_user_id.in_(gone), ~managed)


ENDED: Final = _ended()
"""Users who had links and have no live one, asked from the few tombstones."""
