"""What happens to Group resources: attributes as a document, members as edits, never loaded to be changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from scim_server.bodies import read_body, require
from scim_server.errors import invalid_value, not_found
from scim_server.exchange import Call
from scim_server.operations import read_operations
from scim_server.patch import Patch
from sync.model.errors import Duplicate
from sync.model.query import Comparison, Operator, Path, Query
from sync.model.resources import fold
from sync.model.session import (
    Kind,
    MemberEdit,
    MemberRef,
    NewMember,
    RemoveMembers,
    Resource,
    Session,
    SetMembers,
)

_DISPLAY_NAME = Path(name="displayName")


def create(session: Session, call: Call, body: Any) -> Resource:
    """POST: members are optional."""
    resource_type = call.catalogue.group
    read = read_body(resource_type, body, call.reading())
    require(resource_type, read.document)
    _check_name(session, call, read.document)
    members = read.members or []
    _check_known(session, call, members)
    return session.create_group(read.document, members)


def replace(
    session: Session, call: Call, group_id: str, body: Any, if_version: Sequence[int] | None
) -> Resource:
    """PUT: absent ``members`` keep what is there (or clear it, by the knob), ``[]`` clears."""
    stored = stored_group(session, group_id)
    resource_type = call.catalogue.group
    read = read_body(resource_type, body, call.reading())
    require(resource_type, read.document)
    _check_renaming(session, call, stored, read.document)
    edits: list[MemberEdit] = []
    if read.members is not None:
        edits = [SetMembers(members=read.members)]
    elif call.knobs.put_absent_members == "clear":
        edits = [SetMembers(members=())]
    return session.change_group(group_id, read.document, _checked(session, call, edits), if_version)


def patch(
    session: Session, call: Call, group_id: str, body: Any, if_version: Sequence[int] | None
) -> Resource:
    """PATCH: all operations or none, one version."""
    stored = stored_group(session, group_id)
    reading = call.reading()

    def load() -> Sequence[MemberRef]:
        return session.members_of([group_id]).get(group_id, ())

    patched = Patch(call.catalogue.group, orjson.loads(stored.text), reading, load)
    patched.apply(read_operations(body, reading))
    _check_renaming(session, call, stored, patched.document)
    return session.change_group(
        group_id, patched.document, _checked(session, call, patched.edits), if_version
    )


def delete(session: Session, _call: Call, group_id: str, if_version: Sequence[int] | None) -> None:
    session.delete_group(group_id, if_version)


def stored_group(session: Session, group_id: str) -> Resource:
    stored = session.get(Kind.GROUP, group_id)
    if stored is None:
        raise not_found(f"Group {group_id!r}")
    return stored


def _checked(session: Session, call: Call, edits: Sequence[MemberEdit]) -> Sequence[MemberEdit]:
    for edit in edits:
        if not isinstance(edit, RemoveMembers):
            _check_known(session, call, edit.members)
    return edits


def _check_known(session: Session, call: Call, members: Sequence[NewMember]) -> None:
    """The knob ``unknown_members``: keep them pending, or refuse the request."""
    if call.knobs.unknown_members == "keep" or not members:
        return
    known = session.labels([member.value for member in members])
    unknown = [member.value for member in members if member.value not in known]
    if unknown:
        raise invalid_value(f"No user or group has the id {unknown[0]!r}; push members before their groups.")


def _check_renaming(session: Session, call: Call, stored: Resource, document: Mapping[str, Any]) -> None:
    if fold(document.get("displayName")) != fold(orjson.loads(stored.text).get("displayName")):
        _check_name(session, call, document, stored.id)


def _check_name(
    session: Session, call: Call, document: Mapping[str, Any], group_id: str | None = None
) -> None:
    """The knob ``group_name_unique``: another group of this name, in any case, is a duplicate."""
    if not call.knobs.group_name_unique:
        return
    name = document["displayName"]
    same = Comparison(path=_DISPLAY_NAME, operator=Operator.EQ, value=name)
    listing = session.find(Kind.GROUP, Query(filter=same, count=2))
    if any(row.id != group_id for row in listing.resources):
        raise Duplicate(f"A group named {name!r} exists already; look it up and update it.")
