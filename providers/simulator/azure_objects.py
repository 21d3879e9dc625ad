"""What Microsoft Graph's JSON looks like: users, groups, members, assignments, photos and errors."""

import base64
import hashlib
import random
import uuid
from typing import Any

import orjson

from providers.simulator.clock import iso
from providers.simulator.directory import App, Group, IdShape, Person, Status
from providers.simulator.truth_faults import ABSENT
from providers.simulator.wire import Answer


def _guid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


IDS = IdShape(person=_guid, group=_guid, app=_guid)
ENABLED = frozenset(set(Status) - {Status.STAGED, Status.SUSPENDED, Status.GONE})
STATUS_NAMES = {status: "enabled" if status in ENABLED else "disabled" for status in Status} | {
    Status.GONE: "deleted"
}
STATUSES = {"enabled": Status.ACTIVE, "disabled": Status.SUSPENDED, "deleted": Status.GONE}
GRAPH_JSON = (b"content-type", b"application/json;odata.metadata=minimal;odata.streaming=true;charset=utf-8")
JPEG = (b"content-type", b"image/jpeg")

USER_DEFAULTS = (
    "businessPhones",
    "displayName",
    "givenName",
    "id",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
)
OUT_OF_STORE = frozenset({"aboutMe", "birthday", "hireDate", "interests", "mySite", "schools", "skills"})
"""Properties of a person that no list can hold."""

_OTHER_NAMES = {
    "email": "mail",
    "firstName": "givenName",
    "lastName": "surname",
    "title": "jobTitle",
    "picture": None,
    "status": "accountEnabled",
}
"""Faults name fields as the first vendor did; here are Graph's own names for them."""

_MESSAGES = {
    "Request_BadRequest": (400, "Invalid request."),
    "Request_UnsupportedQuery": (400, "Unsupported Query."),
    "Directory_ExpiredPageToken": (400, "The specified page token value has expired."),
    "syncStateNotFound": (400, "The sync state generation is not found; full sync is required."),
    "resyncRequired": (410, "Resync is required."),
    "InvalidAuthenticationToken": (401, "Access token has expired or is not yet valid."),
    "Authorization_RequestDenied": (403, "Insufficient privileges to complete the operation."),
    "Request_ResourceNotFound": (404, "Resource '{0}' does not exist or one of its queried objects is gone."),
    "ValidationError": (400, "Subscription validation request failed for {0}."),
    "ImageNotFound": (404, "Exception of type 'ImageNotFoundException' was thrown."),
    "MailboxNotEnabledForRESTAPI": (404, "The mailbox is either inactive, soft-deleted, or on-premise."),
    "UnknownError": (404, ""),
    "BadRequest": (400, "Resource not found for the segment '{0}'."),
    "TooManyRequests": (429, "Too many requests."),
    "generalException": (500, "General exception while processing."),
    "NotImplemented": (501, "The property '{0}' cannot be part of a collection."),
    "serviceNotAvailable": (503, "The service is temporarily unavailable."),
}
CODES = {
    status: code
    for code, (status, _) in reversed(_MESSAGES.items())
    if code
    not in ("UnknownError", "ValidationError", "ImageNotFound", "MailboxNotEnabledForRESTAPI", "BadRequest")
}
KNOWN_CODES = frozenset(_MESSAGES)


class Failed(Exception):
    """Why a request cannot be served, by Graph's code."""

    def __init__(self, code: str, about: str = "", *, inner: str | None = None) -> None:
        super().__init__(code)
        self.code, self.about, self.inner = code, about, inner


def error(code: str, about: str = "", *, status: int | None = None, inner: str | None = None) -> Answer:
    """An error in Graph's envelope; the stamps of its innerError come from whoever stamps the answer."""
    usual, message = _MESSAGES[code]
    innermost: dict[str, Any] = {"date": "2026-01-01T00:00:00", "request-id": "@request-id"}
    if inner is not None:
        innermost = {"code": inner, "innererror": innermost}
    told = {"code": code, "message": message.format(about), "innerError": innermost}
    return Answer(status=status or usual, body=orjson.dumps({"error": told}), headers=[GRAPH_JSON])


def user(person: Person) -> dict[str, Any]:
    """Every property of a user that the simulator knows."""
    name = " ".join(filter(None, (person.first_name, person.last_name)))
    row: dict[str, Any] = {
        "id": person.id,
        "displayName": name or person.login,
        "givenName": person.first_name,
        "surname": person.last_name,
        "mail": person.email,
        "userPrincipalName": person.login,
        "otherMails": [],
        "proxyAddresses": [f"SMTP:{person.email}"] if person.email else [],
        "accountEnabled": person.status in ENABLED,
        "userType": "Member",
        "externalUserState": None,
        "isResourceAccount": None,
        "jobTitle": person.title,
        "department": person.department,
        "mailNickname": person.login.partition("@")[0],
        "businessPhones": [],
        "mobilePhone": None,
        "officeLocation": None,
        "preferredLanguage": None,
        "companyName": None,
        "employeeId": None,
        "usageLocation": None,
        "identities": [],
        "onPremisesImmutableId": None,
        "onPremisesSyncEnabled": None,
        "createdDateTime": iso(person.created_at),
        "deletedDateTime": None,
        **person.attributes,
    }
    return overridden(row, person.wire) if person.wire else row


def overridden(row: dict[str, Any], wire: dict[str, Any]) -> dict[str, Any]:
    """The row with these keys replaced, under Graph's names; ABSENT leaves a key out."""
    said = {key: value for key, value in wire.items() if key != "profile"} | dict(wire.get("profile") or {})
    merged = dict(row)
    for key, value in said.items():
        name = _OTHER_NAMES.get(key, key)
        if name is not None:
            merged[name] = value
    return {key: value for key, value in merged.items() if value != ABSENT}


def group(item: Group, *, hidden: bool = False) -> dict[str, Any]:
    """Every property of a group that the simulator knows."""
    unified = item.kind == "app"
    nickname = f"group-{item.id[:8]}"
    return {
        "id": item.id,
        "displayName": item.name,
        "description": item.description,
        "groupTypes": ["Unified"] if unified else [],
        "mailEnabled": unified,
        "mail": f"{nickname}@example.com" if unified else None,
        "mailNickname": nickname,
        "securityEnabled": not unified,
        "membershipRule": None,
        "visibility": "HiddenMembership" if hidden else "Private" if unified else None,
        "isAssignableToRole": None,
        "onPremisesSyncEnabled": None,
        "createdDateTime": iso(item.created_at),
        "deletedDateTime": None,
    }


def app_id_of(item: App) -> str:
    """The application's client id, which is not the id of its service principal."""
    return str(uuid.UUID(bytes=hashlib.sha256(item.id.encode()).digest()[:16], version=4))


def service_principal(item: App) -> dict[str, Any]:
    """An enterprise application."""
    return {
        "id": item.id,
        "appId": app_id_of(item),
        "displayName": item.label,
        "appRoleAssignmentRequired": True,
    }


def assignment(item: App, principal_id: str, kind: str, name: str) -> dict[str, Any]:
    """One grant of an application to a person or a group."""
    whole = hashlib.sha256(f"{item.id}{principal_id}".encode()).digest()
    return {
        "id": base64.urlsafe_b64encode(whole).decode().rstrip("="),
        "deletedDateTime": None,
        "appRoleId": "00000000-0000-0000-0000-000000000000",
        "createdDateTime": iso(1_767_225_600),
        "principalDisplayName": name,
        "principalId": principal_id,
        "principalType": kind,
        "resourceDisplayName": item.label,
        "resourceId": item.id,
    }


def picture(person: Person) -> bytes | None:
    """The bytes of somebody's photo; None for who has none."""
    if not isinstance(person.picture_url, str) or not person.picture_url:
        return None
    return b"\xff\xd8\xff\xe0" + hashlib.sha256(f"{person.id} {person.picture_url}".encode()).digest() * 40


def photo(etag: str, *, size: str = "240x240", kind: str = "image/jpeg") -> dict[str, Any]:
    """A photo's metadata; no photo is told as a picture of one dot with an empty etag."""
    width, height = (int(part) for part in size.split("x"))
    return {
        "@odata.mediaContentType": kind,
        "@odata.mediaEtag": f'"{etag}"' if etag else "",
        "id": size,
        "width": width,
        "height": height,
    }
