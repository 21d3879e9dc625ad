"""The HTTP side of Users and Groups: reading by id, POST, PUT, PATCH and DELETE, with ETag and Prefer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scim_server import groups, users
from scim_server.errors import not_found
from scim_server.exchange import Answer, Call
from scim_server.projection import WHOLE, Projection, names_in, projection_of
from scim_server.render import etag, location, render
from sync.model.session import Kind, Resource, Session

PATCH_BODY_MEMBERS = 200
"""A patched group with more members than this is answered by 204 unless the client asks for it."""

_TAG = re.compile(r'(?:W/)?"([^"]*)"')
_NO_VERSION = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Verbs:
    """What can be done to resources of one kind, inside a session."""

    create: Callable[[Session, Call, Any], Resource]
    replace: Callable[[Session, Call, str, Any, Sequence[int] | None], Resource]
    patch: Callable[[Session, Call, str, Any, Sequence[int] | None], Resource]
    delete: Callable[[Session, Call, str, Sequence[int] | None], None]


VERBS: Mapping[Kind, Verbs] = {
    Kind.USER: Verbs(create=users.create, replace=users.replace, patch=users.patch, delete=users.delete),
    Kind.GROUP: Verbs(create=groups.create, replace=groups.replace, patch=groups.patch, delete=groups.delete),
}


def demanded_versions(header: str | None) -> list[int] | None:
    """The versions an If-Match names; None when it demands none (absent or ``*``). Tags compare weakly."""
    if header is None or header.strip() == "*":
        return None
    tags = _TAG.findall(header) or [header.strip()]
    return [int(tag) if tag.isascii() and tag.isdigit() and len(tag) < 19 else _NO_VERSION for tag in tags]


def _projection(call: Call, kind: Kind) -> Projection:
    if not call.request.query:
        return WHOLE
    parameters = call.request.parameters
    return projection_of(
        call.catalogue.of(kind),
        names_in(parameters.get("attributes", ())),
        names_in(parameters.get("excludedattributes", ())),
        call.knobs,
    )


def read_one(call: Call, kind: Kind, resource_id: str) -> Answer:
    """GET by id; 304 when the client has this version already."""
    projection = _projection(call, kind)

    def work(session: Session) -> Answer:
        resource = session.get(kind, resource_id)
        if resource is None:
            raise not_found(f"{kind} {resource_id!r}")
        if _has_it(call, resource.version):
            return Answer(status=304, headers={"ETag": etag(resource.version)})
        return Answer.of_text(render(session, call, kind, [resource], projection)[0], headers=_tag(resource))

    return call.gateway.read(call.access, work)


def _has_it(call: Call, version: int) -> bool:
    header = call.request.headers.get("if-none-match")
    if header is None:
        return False
    return header.strip() == "*" or str(version) in _TAG.findall(header)


def _tag(resource: Resource) -> dict[str, str]:
    return {"ETag": etag(resource.version)}


def create(call: Call, kind: Kind) -> Answer:
    """POST: 201 with ``Location``; ``Prefer: return=minimal`` leaves the body out."""
    body = call.request.json()
    projection = _projection(call, kind)

    def work(session: Session) -> Answer:
        resource = VERBS[kind].create(session, call, body)
        headers = {"Location": location(call, kind, resource.id), **_tag(resource)}
        if call.wants_minimal and not projection.narrows:
            return Answer(status=201, headers=headers | _applied(call))
        shown = render(session, call, kind, [resource], projection)[0]
        return Answer.of_text(shown, 201, headers | _applied(call, minimal=False))

    return call.gateway.write(call.access, work)


def replace(call: Call, kind: Kind, resource_id: str) -> Answer:
    """PUT: 200 with the resource, or 204 when the client prefers."""
    return _change(call, kind, resource_id, VERBS[kind].replace, _whole_answer)


def patch(call: Call, kind: Kind, resource_id: str) -> Answer:
    """PATCH: 200 with the resource, or 204 by preference, by the knob, or because the group is large."""
    finish = _patched_group if kind is Kind.GROUP else _whole_answer
    if call.knobs.patch_response == "empty" and call.wants_minimal is None:
        finish = _nothing_unless_asked
    return _change(call, kind, resource_id, VERBS[kind].patch, finish)


Finish = Callable[[Session, Call, Resource, Projection], Answer]


def _change(
    call: Call,
    kind: Kind,
    resource_id: str,
    verb: Callable[[Session, Call, str, Any, Sequence[int] | None], Resource],
    finish: Finish,
) -> Answer:
    body = call.request.json()
    projection = _projection(call, kind)
    versions = demanded_versions(call.request.headers.get("if-match"))

    def work(session: Session) -> Answer:
        resource = verb(session, call, resource_id, body, versions)
        if call.wants_minimal and not projection.narrows:
            return Answer(status=204, headers=_tag(resource) | _applied(call))
        return finish(session, call, resource, projection)

    return call.gateway.write(call.access, work)


def _whole_answer(session: Session, call: Call, resource: Resource, projection: Projection) -> Answer:
    shown = render(session, call, resource.kind, [resource], projection)[0]
    headers = {
        "Location": location(call, resource.kind, resource.id),
        **_tag(resource),
        **_applied(call, minimal=False),
    }
    return Answer.of_text(shown, headers=headers)


def _nothing_unless_asked(session: Session, call: Call, resource: Resource, projection: Projection) -> Answer:
    if projection.narrows:
        return _whole_answer(session, call, resource, projection)
    return Answer(status=204, headers=_tag(resource))


def _patched_group(session: Session, call: Call, resource: Resource, projection: Projection) -> Answer:
    """A large group's members are not read to be sent back after each change of one of them."""
    asked = call.knobs.patch_response == "representation" or call.wants_minimal is False or projection.narrows
    if not asked and session.has_more_members(resource.id, PATCH_BODY_MEMBERS):
        return Answer(status=204, headers=_tag(resource))
    return _whole_answer(session, call, resource, projection)


def _applied(call: Call, *, minimal: bool = True) -> dict[str, str]:
    if call.wants_minimal is None or call.wants_minimal is not minimal:
        return {}
    return {"Preference-Applied": "return=minimal" if minimal else "return=representation"}


def delete(call: Call, kind: Kind, resource_id: str) -> Answer:
    """DELETE: 204, then 404."""
    versions = demanded_versions(call.request.headers.get("if-match"))
    call.gateway.write(call.access, lambda session: VERBS[kind].delete(session, call, resource_id, versions))
    return Answer(status=204)
