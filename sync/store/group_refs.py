"""The groups of a user read along with the user, for statements that ask for one person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from sync.model.session import GroupRef
from sync.store import schema
from sync.store.json_sql import json_rows
from sync.store.text import from_json

_PERSON = schema.directory_user
_GROUP = schema.directory_group
_MEMBER = schema.member
_NONE: Final = (None, "[]")

NESTED: Final = sa.type_coerce(
    sa.select(_MEMBER.c.value).where(_MEMBER.c.kind == sa.literal_column("'group'")).exists(), sa.Integer
).label("nested")
"""Whether any group stands in another: only then has anybody groups besides the direct ones."""
GROUPS: Final = (
    sa.select(json_rows(_GROUP.c.id, _GROUP.c.name, _GROUP.c.name_key))
    .join(_MEMBER, _MEMBER.c.group_id == _GROUP.c.id)
    .where(
        _MEMBER.c.kind == sa.literal_column("'user'"),
        _MEMBER.c.value == _PERSON.c.id,
        _GROUP.c.connection_id == _PERSON.c.connection_id,
        _GROUP.c.deleted_at.is_(None),
    )
    .correlate(_PERSON)
    .scalar_subquery()
    .label("groups")
)


def refs_of(row: Any) -> Sequence[GroupRef] | None:
    """The groups of a row with these two columns; None where those above them have to be asked for."""
    if row.groups in _NONE:
        return ()
    if row.nested:
        return None
    listed = sorted(from_json(row.groups), key=lambda each: (each[2] or "", each[0]))
    return [GroupRef(value=id_, display=name) for id_, name, _ in listed]
