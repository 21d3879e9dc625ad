"""What a SCIM service provider's JSON looks like: users, groups, lists, errors and what it says of itself."""

from __future__ import annotations

import base64
import binascii
import random
from typing import Any

import orjson

from providers.simulator.clock import iso
from providers.simulator.directory import ALLOWED_IN, Group, IdShape, Person, Status
from providers.simulator.wire import Answer

SCIM_JSON = (b"content-type", b"application/scim+json")
CORE = "urn:ietf:params:scim:schemas:core:2.0:"
MESSAGES = "urn:ietf:params:scim:api:messages:2.0:"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ABSENT = "\0absent"
"""As a value in `Person.wire["profile"]`: the attribute is left out."""

STATUS_NAMES = {status: "active" if status in ALLOWED_IN else "inactive" for status in Status} | {
    Status.GONE: "gone"
}
STATUSES = {"active": Status.ACTIVE, "inactive": Status.SUSPENDED, "gone": Status.GONE}
CURSOR_TIMEOUT_S = 600


def _number(rng: random.Random) -> str:
    # digits alone, so that a server that writes its ids as numbers can be shown
    return str(rng.randrange(10**14, 10**15))


IDS = IdShape(person=_number, group=_number, app=_number)


def error(status: int, detail: str, scim_type: str | None = None) -> Answer:
    """An error answer; its status is a text, as the RFC has it."""
    body: dict[str, Any] = {"schemas": [MESSAGES + "Error"], "status": str(status), "detail": detail}
    if scim_type is not None:
        body["scimType"] = scim_type
    return Answer(status=status, body=orjson.dumps(body), headers=[SCIM_JSON])


def _meta(kind: str, item: Person | Group, updated_at: int, root: str) -> dict[str, Any]:
    return {
        "resourceType": kind,
        "created": iso(item.created_at),
        "lastModified": iso(updated_at),
        "version": f'W/"{item.revision}"',
        "location": f"{root}/{kind}s/{item.id}",
    }


def user(person: Person, root: str, *, ident: Any, emails: str = "list") -> dict[str, Any]:
    """A User; ``emails`` says in which form: list, no_primary, string or null."""
    row: dict[str, Any] = {
        "schemas": [CORE + "User", ENTERPRISE],
        "id": ident,
        "userName": person.login,
        "name": {"givenName": person.first_name, "familyName": person.last_name},
        "displayName": " ".join(filter(None, (person.first_name, person.last_name))),
        "title": person.title,
        "active": person.active,
        "emails": _emails(person, emails),
        ENTERPRISE: {"department": person.department, **_enterprise(person)},
        "meta": _meta("User", person, person.updated_at, root),
    }
    if person.picture_url is not None:
        row["photos"] = [{"value": person.picture_url, "type": "photo", "primary": True}]
    return _overridden(row, person.wire) if person.wire else row


def _enterprise(person: Person) -> dict[str, Any]:
    return {key: value for key, value in person.attributes.items() if key == "employeeNumber"}


def _emails(person: Person, form: str) -> Any:
    if person.email is None or form == "null":
        return None
    if form == "string":
        return person.email
    one = {"value": person.email, "type": "work"}
    if form == "no_primary":
        return [{"value": f"private.{person.email}", "type": "home"}, one]
    return [{**one, "primary": True}]


def _overridden(row: dict[str, Any], wire: dict[str, Any]) -> dict[str, Any]:
    """Faults speak of accounts in general: an odd status is an odd ``active``, a missing name no key."""
    changed = dict(row)
    if "status" in wire:
        changed["active"] = wire["status"]
    if "active" in wire:
        changed["active"] = wire["active"]
    absent = {key for key, value in wire.get("profile", {}).items() if value == ABSENT}
    if "email" in absent:
        changed.pop("emails")
    if {"firstName", "lastName"} <= absent:
        changed.pop("name")
    return {
        key: value
        for key, value in changed.items()
        if value != ABSENT and not (key in absent and key != "emails")
    }


def group(item: Group, root: str, *, ident: Any, members: list[dict[str, Any]] | None) -> dict[str, Any]:
    """A Group; without ``members`` the attribute is left out."""
    updated_at = max(item.updated_at, item.members_updated_at)
    row: dict[str, Any] = {
        "schemas": [CORE + "Group"],
        "id": ident,
        "displayName": item.name,
        "meta": _meta("Group", item, updated_at, root),
    }
    if members is not None:
        row["members"] = members
    return row


def member(ident: str, root: str, *, kind: str = "User", is_odd: bool = False) -> dict[str, Any]:
    """One entry of ``members``; an odd one has its id in ``$ref`` only."""
    told: dict[str, Any] = {"$ref": f"{root}/{kind}s/{ident}", "type": kind}
    return told if is_odd else {"value": ident, **told}


def cursor_of(page: int, last_id: str, at_s: float, tag: str = "") -> str:
    """An opaque cursor to the rows after this id."""
    return base64.urlsafe_b64encode(f"{page}|{last_id}|{int(at_s)}|{tag}".encode()).decode()


def read_cursor(text: str) -> tuple[int, str, int]:
    """Page, last id and age stamp of a cursor. Raises ValueError."""
    try:
        page, last_id, at_s, _ = base64.urlsafe_b64decode(text).decode().split("|")
    except (binascii.Error, UnicodeDecodeError) as unreadable:
        raise ValueError("no cursor") from unreadable
    return int(page), last_id, int(at_s)


def provider_config(*, has_cursor: bool, has_index: bool, page_size: int) -> dict[str, Any]:
    """The ServiceProviderConfig."""
    no = {"supported": False}
    return {
        "schemas": [CORE + "ServiceProviderConfig"],
        "documentationUri": "https://example.com/scim",
        "patch": no,
        "bulk": {**no, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": page_size},
        "changePassword": no,
        "sort": no,
        "etag": no,
        "authenticationSchemes": [
            {"type": "oauthbearertoken", "name": "Bearer", "description": "A bearer token"},
            {"type": "httpbasic", "name": "Basic", "description": "A user and a password"},
        ],
        "pagination": {
            "cursor": has_cursor,
            "index": has_index,
            "defaultPaginationMethod": "index" if has_index else "cursor",
            "defaultPageSize": page_size,
            "maxPageSize": page_size,
            "cursorTimeout": CURSOR_TIMEOUT_S,
        },
    }


def resource_types(root: str) -> list[dict[str, Any]]:
    """Users and groups."""
    return [
        {
            "schemas": [CORE + "ResourceType"],
            "id": kind,
            "name": kind,
            "endpoint": f"/{kind}s",
            "schema": CORE + kind,
            "meta": {"resourceType": "ResourceType", "location": f"{root}/ResourceTypes/{kind}"},
        }
        for kind in ("User", "Group")
    ]


def listed(rows: list[dict[str, Any]]) -> bytes:
    """A short list that needs no pages."""
    return orjson.dumps(
        {
            "schemas": [MESSAGES + "ListResponse"],
            "totalResults": len(rows),
            "startIndex": 1,
            "itemsPerPage": len(rows),
            "Resources": rows,
        }
    )


def group_of_user(item: Group, root: str) -> dict[str, Any]:
    """A group as one of its members tells it."""
    return {"value": item.id, "$ref": f"{root}/Groups/{item.id}", "display": item.name, "type": "direct"}


def _attribute(name: str, kind: str = "string", *, many: bool = False, parts: str = "") -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": name,
        "type": kind,
        "multiValued": many,
        "description": name,
        "required": name in ("userName", "displayName"),
        "caseExact": False,
        "mutability": "readOnly",
        "returned": "default",
        "uniqueness": "none",
    }
    return told | ({"subAttributes": [_attribute(each) for each in parts.split()]} if parts else {})


def schemas(root: str) -> list[dict[str, Any]]:
    """The schemas of what is served here."""
    user = [
        _attribute("userName"),
        _attribute("name", "complex", parts="givenName familyName"),
        _attribute("displayName"),
        _attribute("title"),
        _attribute("active", "boolean"),
        _attribute("emails", "complex", many=True, parts="value type primary"),
        _attribute("photos", "complex", many=True, parts="value type primary"),
        _attribute("groups", "complex", many=True, parts="value $ref display type"),
    ]
    group = [_attribute("displayName"), _attribute("members", "complex", many=True, parts="value $ref type")]
    extension = [_attribute("department"), _attribute("employeeNumber")]
    every = (
        (CORE + "User", "User", user),
        (CORE + "Group", "Group", group),
        (ENTERPRISE, "Enterprise", extension),
    )
    return [
        {
            "schemas": [CORE + "Schema"],
            "id": ident,
            "name": name,
            "description": name,
            "attributes": attributes,
            "meta": {"resourceType": "Schema", "location": f"{root}/Schemas/{ident}"},
        }
        for ident, name, attributes in every
    ]
