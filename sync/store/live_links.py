"""Whether a directory manages a user: a link counts while its directory user is no tombstone."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import and_, select

from sync.store import schema
from sync.store.keys import aside

_USERS = schema.users
_PERSON = schema.directory_user
_LINK = schema.link

LIVE_LINKS: Final = _LINK.join(
    _PERSON, and_(_PERSON.c.id == _LINK.c.directory_user_id, _PERSON.c.deleted_at.is_(None))
)
MANAGED: Final = (
    sa.exists(sa.literal_column("1"))
    .select_from(LIVE_LINKS)
    .where(_LINK.c.user_id == _USERS.c.id)
    .correlate(_USERS)
)


_GONE: Final = select(_PERSON.c.id).where(_PERSON.c.deleted_at.is_not(None))
UNMANAGED: Final = ~(
    # Everybody is looked at here: tombstones are few, and are collected once.
    sa.exists(sa.literal_column("1"))
    .where(_LINK.c.user_id == _USERS.c.id, _LINK.c.directory_user_id.not_in(_GONE))
    .correlate(_USERS)
)
"""The opposite of ``MANAGED``."""


def _ended() -> sa.Select[Any]:
    again, alive = _LINK.alias("again"), _PERSON.alias("alive")
    managed = (
        sa.exists(sa.literal_column("1"))
        .select_from(again.join(alive, alive.c.id == again.c.directory_user_id))
        .where(again.c.user_id == _LINK.c.user_id, alive.c.deleted_at.is_(None))
        .correlate(_LINK)
    )
    user_id = aside(_LINK.c.user_id).label("user_id")
    return select(user_id).distinct().where(_LINK.c.directory_user_id.in_(_GONE), ~managed)


ENDED: Final = _ended()
"""Users who had links and have no live one, asked from the few tombstones."""
