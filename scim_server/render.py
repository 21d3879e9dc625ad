"""Stored resources as SCIM shows them: ``schemas``, ``meta``, ``$ref``, computed attributes (RFC-exact out).

Everything that needs the engine is asked once per page, and only when it will be shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from scim_server.attributes import ResourceType
from scim_server.exchange import Call
from scim_server.projection import WHOLE, Projection
from scim_server.schemas import ENTERPRISE
from sync.model.query import Comparison, Either, Operator, Path, Query
from sync.model.session import GroupRef, Kind, MemberRef, Resource, Session

_ID = Path(name="id", case_exact=True)
_ENDPOINT = {Kind.USER: "Users", Kind.GROUP: "Groups"}


def location(call: Call, kind: Kind, resource_id: str) -> str:
    """The absolute address of a resource."""
    return f"{call.base}/{_ENDPOINT[kind]}/{resource_id}"


def etag(version: int) -> str:
    return f'W/"{version}"'


def render(
    session: Session, call: Call, kind: Kind, resources: Sequence[Resource], projection: Projection = WHOLE
) -> list[str]:
    """The resources of one kind, in order, as JSON texts."""
    if kind is Kind.USER:
        return _users(session, call, resources, projection)
    return _groups(session, call, resources, projection)


def _users(session: Session, call: Call, resources: Sequence[Resource], projection: Projection) -> list[str]:
    with_groups = projection.wants("groups")
    groups = _groups_of(session, resources) if with_groups else {}
    managers = _managers(session, resources) if projection.wants("manager", ENTERPRISE) else {}
    frame, whole = _Frame(call, call.catalogue.user), projection.is_whole_but("groups")
    shown = []
    for resource in resources:
        refs = [_group_ref(call, group) for group in groups.get(resource.id, ())] if with_groups else None
        if whole and _MANAGER not in resource.text:
            shown.append(frame.around(resource, "groups", refs))
            continue
        document = _document(call, call.catalogue.user, resource) | ({} if refs is None else {"groups": refs})
        _fill_manager(call, document, managers)
        shown.append(_text(projection.apply(document, _extension_urns(call.catalogue.user))))
    return shown


def _groups_of(session: Session, resources: Sequence[Resource]) -> Mapping[str, Sequence[GroupRef]]:
    """The groups of each user: as they were read along, else asked for all at once."""
    known = {resource.id: resource.groups for resource in resources if resource.groups is not None}
    rest = [resource.id for resource in resources if resource.id not in known]
    return known | dict(session.groups_of(rest)) if rest else known


def _groups(session: Session, call: Call, resources: Sequence[Resource], projection: Projection) -> list[str]:
    members: Mapping[str, Sequence[MemberRef]] = {}
    with_members = projection.wants("members")
    if resources and with_members:
        members = session.members_of([resource.id for resource in resources])
    frame, whole = _Frame(call, call.catalogue.group), projection.is_whole_but("members")
    shown = []
    for resource in resources:
        refs = [_member(call, member) for member in members.get(resource.id, ())] if with_members else None
        if whole:
            shown.append(frame.around(resource, "members", refs))
            continue
        document = _document(call, call.catalogue.group, resource) | (
            {} if refs is None else {"members": refs}
        )
        shown.append(_text(projection.apply(document, _extension_urns(call.catalogue.group))))
    return shown


_EMPTY = "{}"
_MANAGER = '"manager":'


def _text(document: Any) -> str:
    return orjson.dumps(document).decode()


class _Frame:
    """What the server adds before and behind a stored text, which is sent on without being read.

    Made once for a page. A key in quotation marks stands in no value, where they would be escaped.
    """

    __slots__ = ("_address", "_extensions", "_kind", "_schemas")

    def __init__(self, call: Call, resource_type: ResourceType) -> None:
        self._kind = resource_type.kind
        self._schemas = f'{{"schemas":["{resource_type.schema.urn}"'
        self._extensions = [(f'"{urn}":', f',"{urn}"') for urn in _extension_urns(resource_type)]
        self._address = f"{call.base_in_json}/{_ENDPOINT[resource_type.kind]}/"

    def around(self, resource: Resource, name: str, computed: Sequence[Any] | None) -> str:
        """The text of a resource, and ``computed`` as its attribute ``name`` unless that is None."""
        text, id_ = resource.text, resource.id
        further = "".join([urn for key, urn in self._extensions if key in text])
        behind = "" if computed is None else f',"{name}":{_text(computed) if computed else "[]"}'
        return (
            f'{self._schemas}{further}],"id":"{id_}",{text[1:-1]}{"," if len(text) > len(_EMPTY) else ""}'
            f'"meta":{{"resourceType":"{self._kind.value}","created":"{resource.created_at}",'
            f'"lastModified":"{resource.updated_at}","location":"{self._address}{id_}",'
            f'"version":"W/\\"{resource.version}\\""}}{behind}}}'
        )


def _extension_urns(resource_type: ResourceType) -> list[str]:
    return [schema.urn for schema in resource_type.extensions]


def _document(call: Call, resource_type: ResourceType, resource: Resource) -> dict[str, Any]:
    stored = orjson.loads(resource.text)
    schemas = [resource_type.schema.urn, *(urn for urn in _extension_urns(resource_type) if stored.get(urn))]
    document = {"schemas": schemas, "id": resource.id, **stored}
    document["meta"] = {
        "resourceType": resource.kind.value,
        "created": resource.created_at,
        "lastModified": resource.updated_at,
        "location": location(call, resource.kind, resource.id),
        "version": etag(resource.version),
    }
    return document


def _member(call: Call, member: MemberRef) -> dict[str, Any]:
    """A member; one that is still pending has neither kind nor address."""
    shown: dict[str, Any] = {"value": member.value}
    if member.kind is not None:
        shown["$ref"] = location(call, member.kind, member.value)
        shown["type"] = member.kind.value
    if member.display is not None:
        shown["display"] = member.display
    return shown


def _group_ref(call: Call, group: GroupRef) -> dict[str, Any]:
    return {
        "value": group.value,
        "$ref": location(call, Kind.GROUP, group.value),
        "display": group.display,
        "type": "direct" if group.direct else "indirect",
    }


def _manager_id(resource: Resource) -> str | None:
    manager = (orjson.loads(resource.text).get(ENTERPRISE) or {}).get("manager") or {}
    value: str | None = manager.get("value")
    return value


def _managers(session: Session, resources: Sequence[Resource]) -> Mapping[str, str | None]:
    """The displayName (None where there is none) of every manager on the page who is a user of ours."""
    managed = [resource for resource in resources if _MANAGER in resource.text]
    ids = sorted({value for resource in managed if (value := _manager_id(resource))})
    if not ids:
        return {}
    if len(ids) == 1:
        found = session.get(Kind.USER, ids[0])
        rows: Sequence[Resource] = () if found is None else (found,)
    else:
        same = tuple(Comparison(path=_ID, operator=Operator.EQ, value=each) for each in ids)
        rows = session.find(Kind.USER, Query(filter=Either(terms=same), count=len(ids))).resources
    return {row.id: orjson.loads(row.text).get("displayName") for row in rows}


def _fill_manager(call: Call, document: dict[str, Any], managers: Mapping[str, str | None]) -> None:
    """A manager we know gets an address and a name; any other value stays as it was sent."""
    block = document.get(ENTERPRISE) or {}
    manager = block.get("manager") or {}
    value: str = manager.get("value", "")
    if value not in managers:
        return
    filled = {**manager, "$ref": location(call, Kind.USER, value)}
    if managers[value] is not None:
        filled["displayName"] = managers[value]
    document[ENTERPRISE] = {**block, "manager": filled}
