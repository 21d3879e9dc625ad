"""Groups within groups: which groups are above which, through any number of levels."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from sqlalchemy import and_, select

from sync.store import schema

_MEMBER = schema.member
_GROUP = schema.directory_group


def _above() -> sa.CTE:
    """(below, above) of live groups. UNION keeps a pair once, so a cycle ends by itself.

    It begins with the member rows that are groups, which an index of their own holds: where
    nothing is nested there is nothing to read.
    """
    nested = and_(_MEMBER.c.kind == sa.literal_column("'group'"), _GROUP.c.deleted_at.is_(None))
    start = (
        select(_MEMBER.c.value.label("below"), _MEMBER.c.group_id.label("above"))
        .join(_GROUP, _GROUP.c.id == _MEMBER.c.value)
        .where(nested)
    )
    up = start.cte("up", recursive=True)
    step = (
        select(up.c.below, _MEMBER.c.group_id)
        .join(_MEMBER, _MEMBER.c.value == up.c.above)
        .join(_GROUP, _GROUP.c.id == _MEMBER.c.value)
        .where(nested)
    )
    return up.union(step)


ABOVE: Final = _above()
"""A recursive query over (below, above): every group, and each group that holds it, however deep."""
