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
    shown = []
    for resource in resources:
        computed: dict[str, Any] = {}
        if with_groups:
            computed["groups"] = [_group_ref(call, group) for group in groups.get(resource.id, ())]
        if projection.is_whole_but("groups") and _MANAGER not in resource.text:
            shown.append(_spliced(call, call.catalogue.user, resource, computed))
            continue
        document = _document(call, call.catalogue.user, resource) | computed
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
    shown = []
    for resource in resources:
        computed: dict[str, Any] = {}
        if with_members:
            computed["members"] = [_member(call, member) for member in members.get(resource.id, ())]
        if projection.is_whole_but("members"):
            shown.append(_spliced(call, call.catalogue.group, resource, computed))
            continue
        document = _document(call, call.catalogue.group, resource) | computed
        shown.append(_text(projection.apply(document, _extension_urns(call.catalogue.group))))
    return shown


_MANAGER = '"manager":'


def _text(document: Any) -> str:
    return orjson.dumps(document).decode()


def _spliced(call: Call, resource_type: ResourceType, resource: Resource, computed: Mapping[str, Any]) -> str:
    """The stored text with what the server adds before and behind it, without reading it.

    A key in quotation marks stands in no value, where they would be escaped.
    """
    core = resource_type.schema.urn
    further = "".join(f',"{urn}"' for urn in _extension_urns(resource_type) if f'"{urn}":' in resource.text)
    said = resource.text[1:-1]
    behind = "".join(f',"{name}":{_text(value)}' for name, value in computed.items())
    return (
        f'{{"schemas":["{core}"{further}],"id":"{resource.id}",{said}{"," if said else ""}'
        f'"meta":{{"resourceType":"{resource.kind.value}","created":"{resource.created_at}",'
        f'"lastModified":"{resource.updated_at}",'
        f'"location":"{call.base_in_json}/{_ENDPOINT[resource.kind]}/{resource.id}",'
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
    if _MANAGER not in resource.text:
        return None
    manager = (orjson.loads(resource.text).get(ENTERPRISE) or {}).get("manager") or {}
    value: str | None = manager.get("value")
    return value


def _managers(session: Session, resources: Sequence[Resource]) -> Mapping[str, str | None]:
    """The displayName (None where there is none) of every manager on the page who is a user of ours."""
    ids = sorted({value for resource in resources if (value := _manager_id(resource))})
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
