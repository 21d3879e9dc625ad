"""From path and method to what answers them, for one authenticated connection."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from scim_server import bulk, discovery, resources
from scim_server.auth import is_plain_id
from scim_server.errors import ScimError, from_engine, not_found, wrong_method
from scim_server.exchange import Answer, Call, Request
from scim_server.listing import from_body, from_parameters, list_everything, list_resources
from sync.model.errors import ConnectorError
from sync.model.session import Kind

_VERSION = re.compile(r"v\d+(\.\d+)?$", re.IGNORECASE)
_KINDS = {"users": Kind.USER, "groups": Kind.GROUP}


_SHORT_BODY_BYTES = 16 * 1024
_SHORT_FILTER = re.compile(r"\s*[\w:.$-]+(\[[^\]]*\][\w.]*)?\s+eq\s+[^\s]+\s*$", re.IGNORECASE)
_WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def public_answer(request: Request, base: str) -> Answer | None:
    """The answer to what needs no token: ServiceProviderConfig, which says nothing of a connection."""
    path = [segment for segment in request.path if segment]
    if len(path) == 1 and path[0].lower() == "serviceproviderconfig":
        return discovery.service_provider_config(request, base)
    return None


def writes(request: Request) -> bool:
    """Whether the request may change something."""
    return request.method in _WRITING and ".search" not in request.path


def is_short(request: Request) -> bool:
    """Whether a request costs so little that waking a thread for it would cost more.

    A guess from its shape: one resource without a list of members, one page without a search.
    """
    path = [segment.lower() for segment in request.path if segment]
    if request.method in _WRITING:
        return path[0:1] in (["users"], ["groups"]) and len(request.body or b"") <= _SHORT_BODY_BYTES
    if not path or (path[0] == "groups" and "members" not in request.query):
        return False
    if "sortby" in request.query.lower():
        return False
    texts = request.parameters.get("filter", ())
    return all(_SHORT_FILTER.match(text) for text in texts)


def answer(call: Call) -> Answer:
    """The answer to an admitted request, errors included."""
    try:
        return route(call, [segment for segment in call.request.path if segment])
    except ScimError as error:
        return Answer.from_error(error)
    except ConnectorError as error:
        return Answer.from_error(from_engine(error))


def route(call: Call, path: Sequence[str]) -> Answer:
    """Dispatch by the first segment, in any case."""
    if path and _VERSION.match(path[0]):
        if path[0].lower() not in {"v2", "v2.0"}:
            raise ScimError(
                400, "This is a SCIM 2.0 endpoint; use v2 or no version in the path.", "invalidVers"
            )
        path = path[1:]
    if not path:
        return _allow(call, {"GET": lambda: list_everything(call, from_parameters(call.request.parameters))})
    head, rest = path[0].lower(), path[1:]
    if head in _KINDS and len(rest) <= 1:
        return _collection(call, _KINDS[head], rest)
    if len(rest) <= 1 and (found := _discovery(call, head, rest)) is not None:
        return found
    if rest:
        raise not_found("The endpoint")
    return _single(call, head)


def _single(call: Call, head: str) -> Answer:
    if head == ".search":
        return _allow(call, {"POST": lambda: list_everything(call, from_body(call.request.json()))})
    if head == "bulk":
        return _allow(call, {"POST": lambda: bulk.run(call)})
    if head == "me":
        raise ScimError(
            501, "A token stands for a connection, not for a person, so there is no /Me; use /Users."
        )
    raise not_found("The endpoint")


def _discovery(call: Call, head: str, rest: Sequence[str]) -> Answer | None:
    name = rest[0] if rest else None
    if head == "schemas":
        return discovery.schemas(call.request, call.base, call.catalogue, name)
    if head == "resourcetypes":
        return discovery.resource_types(call.request, call.base, call.catalogue, name)
    return None


def _collection(call: Call, kind: Kind, rest: Sequence[str]) -> Answer:
    if not rest:
        return _allow(
            call,
            {
                "GET": lambda: list_resources(call, kind, from_parameters(call.request.parameters)),
                "POST": lambda: resources.create(call, kind),
            },
        )
    if rest[0].lower() == ".search":
        return _allow(call, {"POST": lambda: list_resources(call, kind, from_body(call.request.json()))})
    return _resource(call, kind, rest[0])


def _resource(call: Call, kind: Kind, resource_id: str) -> Answer:
    if not is_plain_id(resource_id):
        raise not_found(f"The {kind}")
    return _allow(
        call,
        {
            "GET": lambda: resources.read_one(call, kind, resource_id),
            "PUT": lambda: resources.replace(call, kind, resource_id),
            "PATCH": lambda: resources.patch(call, kind, resource_id),
            "DELETE": lambda: resources.delete(call, kind, resource_id),
        },
    )


def _allow(call: Call, answers: dict[str, Callable[[], Answer]]) -> Answer:
    method = "GET" if call.request.method == "HEAD" else call.request.method
    found = answers.get(method)
    if found is None:
        raise wrong_method(call.request.method[:20], ", ".join(answers))
    return found()
