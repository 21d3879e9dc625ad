"""What we announce: ServiceProviderConfig, ResourceTypes and Schemas (RFC 7644 §4, RFC 7643 §5-§7)."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from scim_server.attributes import ResourceType, Schema
from scim_server.errors import ScimError, not_found, wrong_method
from scim_server.exchange import MAX_BODY_BYTES, Answer, Request
from scim_server.listing import LIST_URN
from scim_server.paging import CURSOR_TIMEOUT_S, DEFAULT_COUNT, MAX_COUNT
from scim_server.schemas import Catalogue

MAX_BULK_OPERATIONS = 1000
SPC_URN = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
RESOURCE_TYPE_URN = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
SCHEMA_URN = "urn:ietf:params:scim:schemas:core:2.0:Schema"
_CACHE = {"Cache-Control": "private, max-age=3600"}


def _check(request: Request) -> None:
    if request.method not in {"GET", "HEAD"}:
        raise wrong_method(request.method, "GET")
    if "filter" in request.parameters:
        raise ScimError(403, "Discovery documents cannot be filtered; read them whole.")


def service_provider_config(request: Request, base: str) -> Answer:
    """What the endpoint can do; needs no token, and says nothing of the connection."""
    _check(request)
    document = {
        "schemas": [SPC_URN],
        "documentationUri": "https://www.rfc-editor.org/rfc/rfc7644",
        "patch": {"supported": True},
        "bulk": {"supported": True, "maxOperations": MAX_BULK_OPERATIONS, "maxPayloadSize": MAX_BODY_BYTES},
        "filter": {"supported": True, "maxResults": MAX_COUNT},
        "changePassword": {"supported": False},
        "sort": {"supported": True},
        "etag": {"supported": True},
        "pagination": {
            "cursor": True,
            "index": True,
            "defaultPaginationMethod": "index",
            "defaultPageSize": DEFAULT_COUNT,
            "maxPageSize": MAX_COUNT,
            "cursorTimeout": CURSOR_TIMEOUT_S,
        },
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer token",
                "description": "The token of the connection, in the header Authorization: Bearer.",
                "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
                "primary": True,
            }
        ],
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{base}/ServiceProviderConfig"},
    }
    return _cached(request, document)


def resource_types(request: Request, base: str, catalogue: Catalogue, name: str | None) -> Answer:
    """All resource types, or the one of a name."""
    _check(request)
    shown = {each.kind.value.lower(): _resource_type(each, base) for each in catalogue.types}
    return _one_or_all(request, shown, name, "Resource type")


def _resource_type(resource_type: ResourceType, base: str) -> dict[str, Any]:
    name = resource_type.kind.value
    return {
        "schemas": [RESOURCE_TYPE_URN],
        "id": name,
        "name": name,
        "endpoint": resource_type.endpoint,
        "description": resource_type.description,
        "schema": resource_type.schema.urn,
        "schemaExtensions": [{"schema": each.urn, "required": False} for each in resource_type.extensions],
        "meta": {"resourceType": "ResourceType", "location": f"{base}/ResourceTypes/{name}"},
    }


def schemas(request: Request, base: str, catalogue: Catalogue, urn: str | None) -> Answer:
    """All schemas, or the one of a URN."""
    _check(request)
    shown = {each.urn.lower(): _schema(each, base) for each in catalogue.schemas}
    return _one_or_all(request, shown, urn, "Schema")


def _schema(schema: Schema, base: str) -> dict[str, Any]:
    return {
        "schemas": [SCHEMA_URN],
        "id": schema.urn,
        "name": schema.name,
        "description": schema.description,
        "attributes": [attribute.definition() for attribute in schema.attributes],
        "meta": {"resourceType": "Schema", "location": f"{base}/Schemas/{schema.urn}"},
    }


def _one_or_all(request: Request, shown: dict[str, dict[str, Any]], name: str | None, what: str) -> Answer:
    if name is not None:
        document = shown.get(name.lower())
        if document is None:
            raise not_found(f"{what} {name[:255]!r}")
        return _cached(request, document)
    body = {
        "schemas": [LIST_URN],
        "totalResults": len(shown),
        "startIndex": 1,
        "itemsPerPage": len(shown),
        "Resources": list(shown.values()),
    }
    return _cached(request, body)


def _cached(request: Request, document: Any) -> Answer:
    """The document with an entity tag; 304 when the client has this one already."""
    answer = Answer.of(document)
    tag = f'W/"{blake2b(answer.body, digest_size=8).hexdigest()}"'
    if tag in request.headers.get("if-none-match", ""):
        return Answer(status=304, headers=_CACHE | {"ETag": tag})
    return Answer(body=answer.body, headers=_CACHE | {"ETag": tag})
