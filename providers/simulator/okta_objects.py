"""What Okta's JSON looks like: users, groups, applications, log events and errors."""

import hashlib
import uuid
from collections.abc import Sequence
from typing import Any

import orjson

from providers.simulator.clock import Clock, iso
from providers.simulator.directory import App, Directory, Event, Group, IdShape, Person, Status, prefixed
from providers.simulator.wire import JSON, Answer

IDS = IdShape(person=prefixed("00u", 17), group=prefixed("00g", 17), app=prefixed("0oa", 17))
STATUS_NAMES = {status: status.name for status in Status} | {
    Status.LOCKED: "LOCKED_OUT",
    Status.GONE: "DEPROVISIONED",
}
STATUSES = {name: status for status, name in STATUS_NAMES.items()}
ABSENT = "\0absent"
"""As a value in `Person.wire["profile"]`: the key is left out."""

ERRORS: dict[str, tuple[int, str]] = {
    "E0000001": (400, "Api validation failed"),
    "E0000003": (400, "The request body was not well-formed."),
    "E0000004": (401, "Authentication failed"),
    "E0000006": (403, "You do not have permission to perform the requested action"),
    "E0000007": (404, "Not found: Resource not found"),
    "E0000008": (404, "The requested path was not found"),
    "E0000009": (500, "Internal Server Error"),
    "E0000010": (503, "Service is in read only mode"),
    "E0000011": (401, "Invalid token provided"),
    "E0000015": (401, "You do not have permission to access the feature you are requesting"),
    "E0000022": (405, "The endpoint does not support the provided HTTP method"),
    "E0000031": (400, "Invalid search criteria."),
    "E0000047": (429, "API call exceeded rate limit due to too many requests."),
    "E0000239": (423, "Policies are being reconciled. Please try again later."),
}
GROUP_TYPES = {"ordinary": "OKTA_GROUP", "built_in": "BUILT_IN", "app": "APP_GROUP"}
EVENT_TYPES = {
    "user.created": "user.lifecycle.create",
    "user.changed": "user.account.update_profile",
    "user.removed": "user.lifecycle.delete.completed",
    "user.status.suspended": "user.lifecycle.suspend",
    "user.status.active": "user.lifecycle.activate",
    "user.status.gone": "user.lifecycle.deactivate",
    "group.created": "group.lifecycle.create",
    "group.changed": "group.profile.update",
    "group.removed": "group.lifecycle.delete",
    "member.added": "group.user_membership.add",
    "member.removed": "group.user_membership.remove",
}


def error(code: str, summary: str | None = None, *, causes: tuple[str, ...] = (), number: int = 0) -> Answer:
    """An error answer in Okta's envelope; `number` makes its errorId."""
    status, usual = ERRORS[code]
    body = {
        "errorCode": code,
        "errorSummary": summary or usual,
        "errorLink": code,
        "errorId": "oae" + hashlib.sha256(f"{code}{number}".encode()).hexdigest()[:22],
        "errorCauses": [{"errorSummary": cause} for cause in causes],
    }
    return Answer(status=status, body=orjson.dumps(body), headers=[JSON])


def not_found(ident: str, kind: str) -> Answer:
    """404 for an id nobody has."""
    return error("E0000007", f"Not found: Resource not found: {ident} ({kind})")


def profile(person: Person) -> dict[str, Any]:
    """The profile object: base schema plus the custom attributes that are set."""
    name = " ".join(filter(None, (person.first_name, person.last_name)))
    found: dict[str, Any] = {
        "firstName": person.first_name,
        "lastName": person.last_name,
        "displayName": name,
        "mobilePhone": None,
        "secondEmail": None,
        "title": person.title,
        "department": person.department,
        "login": person.login,
        "email": person.email,
        **person.attributes,
    }
    if person.picture_url is not None:
        found["picture"] = person.picture_url
    return found


def user(person: Person, base_url: str, *, bare: bool) -> dict[str, Any]:
    """A row of a list of users; `bare` leaves out what the okta-response header asked to omit."""
    created = iso(person.created_at)
    changed = iso(person.status_changed_at)
    known = person.status is not Status.STAGED
    row: dict[str, Any] = {
        "id": person.id,
        "status": STATUS_NAMES[person.status],
        "created": created,
        "activated": created if known else None,
        "statusChanged": changed if known else None,
        "lastLogin": None,
        "lastUpdated": iso(person.updated_at),
        "passwordChanged": created if known else None,
        "type": {"id": "oty1simulated0000001"},
        "profile": profile(person),
        "_links": {"self": {"href": f"{base_url}/api/v1/users/{person.id}"}},
    }
    if not bare:
        row["transitioningToStatus"] = None
        row["credentials"] = {"password": {}, "provider": {"type": "OKTA", "name": "OKTA"}}
    return override(row, person.wire) if person.wire else row


def override(row: dict[str, Any], wire: dict[str, Any]) -> dict[str, Any]:
    """The row with these keys replaced; a profile is merged, and ABSENT leaves a key out."""
    merged = {**row, **wire}
    if isinstance(wire.get("profile"), dict):
        both = {**row["profile"], **wire["profile"]}
        merged["profile"] = {key: value for key, value in both.items() if value != ABSENT}
    return {key: value for key, value in merged.items() if value != ABSENT}


def project(row: dict[str, Any], fields: str) -> dict[str, Any]:
    """Only the fields of `id,status,profile:(login,email)`; id always comes."""
    plain, _, inner = fields.partition("profile:(")
    inside, _, rest = inner.partition(")")
    names = {name.strip() for name in f"{plain},{rest}".split(",")} | {"id"}
    kept = {key: value for key, value in row.items() if key in names}
    if inner:
        wanted = {name.strip() for name in inside.split(",")}
        kept["profile"] = {key: value for key, value in row["profile"].items() if key in wanted}
    return kept


def group(item: Group, base_url: str, *, stats: bool, members_updated_at: int) -> dict[str, Any]:
    """A group, with its numbers when they were asked for."""
    links = {
        "logo": [],
        "users": {"href": f"{base_url}/api/v1/groups/{item.id}/users"},
        "apps": {"href": f"{base_url}/api/v1/groups/{item.id}/apps"},
    }
    told: dict[str, Any] = {"name": item.name, "description": item.description}
    kind = "okta:user_group"
    if item.kind == "app":
        kind = "okta:windows_security_principal"
        told |= {
            "samAccountName": item.name,
            "dn": f"CN={item.name},OU=Groups,DC=example,DC=com",
            "windowsDomainQualifiedName": f"EXAMPLE\\{item.name}",
        }
    row: dict[str, Any] = {
        "id": item.id,
        "created": iso(item.created_at),
        "lastUpdated": iso(item.updated_at),
        "lastMembershipUpdated": iso(members_updated_at),
        "objectClass": [kind],
        "type": GROUP_TYPES[item.kind],
        "profile": told,
        "_links": links,
    }
    if stats:
        row["_embedded"] = {
            "stats": {
                "usersCount": len(item.members),
                "appsCount": 0,
                "groupPushMappingsCount": 0,
                "hasAdminPrivlege": False,
            }
        }
    return row


def app(item: App, base_url: str) -> dict[str, Any]:
    """An application."""
    return {
        "id": item.id,
        "name": item.name,
        "label": item.label,
        "status": "ACTIVE",
        "lastUpdated": iso(1_767_225_600),
        "created": iso(1_767_225_600),
        "features": [],
        "signOnMode": "OPENID_CONNECT",
        "_links": {"users": {"href": f"{base_url}/api/v1/apps/{item.id}/users"}},
    }


def app_user(item: App, person: Person, base_url: str, *, embed: dict[str, Any] | None) -> dict[str, Any]:
    """An assignment of a person to an application; the account itself comes only on request."""
    row: dict[str, Any] = {
        "id": person.id,
        "externalId": None,
        "created": iso(person.created_at),
        "lastUpdated": iso(person.updated_at),
        "scope": "USER" if person.id in item.people else "GROUP",
        "status": "ACTIVE",
        "statusChanged": iso(person.status_changed_at),
        "passwordChanged": None,
        "syncState": "DISABLED",
        "credentials": {"userName": person.login},
        "profile": {"given_name": person.first_name, "family_name": person.last_name, "email": person.email},
        "_links": {
            "app": {"href": f"{base_url}/api/v1/apps/{item.id}"},
            "user": {"href": f"{base_url}/api/v1/users/{person.id}"},
        },
    }
    if embed is not None:
        row["_embedded"] = {"user": embed}
    return row


def app_group(item: App, found: Group, base_url: str, *, embed: dict[str, Any] | None) -> dict[str, Any]:
    """An assignment of a group to an application."""
    row: dict[str, Any] = {
        "id": found.id,
        "priority": 0,
        "lastUpdated": iso(found.updated_at),
        "profile": {},
        "_links": {
            "app": {"href": f"{base_url}/api/v1/apps/{item.id}"},
            "self": {"href": f"{base_url}/api/v1/apps/{item.id}/groups/{found.id}"},
            "group": {"href": f"{base_url}/api/v1/groups/{found.id}"},
        },
    }
    if embed is not None:
        row["_embedded"] = {"group": embed}
    return row


def _named(ident: str, kind: str, alternate: str | None, name: str | None) -> dict[str, Any]:
    return {"id": ident, "type": kind, "alternateId": alternate, "displayName": name, "detailEntry": None}


def _targets(event: Event, directory: Directory) -> list[dict[str, Any]]:
    found = []
    if event.person_id is not None:
        person = directory.people.get(event.person_id)
        login = person.login if person is not None else event.name
        found.append(_named(event.person_id, "User", login, login))
    if event.group_id is not None:
        found.append(_named(event.group_id, "UserGroup", "unknown", event.name))
    return found


def event_hook(events: Sequence[dict[str, Any]]) -> bytes:
    """The body of one delivery of an event hook."""
    return orjson.dumps(
        {
            "eventType": "com.okta.event_hook",
            "eventTypeVersion": "1.0",
            "cloudEventsVersion": "0.1",
            "source": "https://example.okta.com/api/v1/eventHooks/whoSimulated0001",
            "eventId": str(uuid.uuid4()),
            "eventTime": events[-1]["published"],
            "contentType": "application/json",
            "data": {"events": list(events)},
        }
    )


def sign_in(clock: Clock) -> dict[str, Any]:
    """A line of the log about nothing that a directory sync is interested in."""
    return {
        "uuid": str(uuid.uuid4()),
        "published": iso(clock.now()),
        "eventType": "user.session.start",
        "target": [{"id": "00uSimulatedUser0001", "type": "User"}],
    }


def log_event(event: Event, directory: Directory) -> dict[str, Any]:
    """One line of the system log."""
    kind = EVENT_TYPES.get(event.kind, "user.account.update_profile")
    return {
        "uuid": f"{event.number:08x}-0000-4000-8000-{directory.seed % 0xFFFFFFFFFFFF:012x}",
        "published": iso(event.at),
        "eventType": kind,
        "version": "0",
        "displayMessage": kind,
        "severity": "INFO",
        "outcome": {"result": "SUCCESS", "reason": None},
        "actor": {
            "id": "00uSimulatedAdmin001",
            "type": "User",
            "alternateId": "admin@example.com",
            "displayName": "Admin",
        },
        "target": _targets(event, directory),
        "client": None,
        "transaction": {"type": "WEB", "id": f"t{event.number}", "detail": {}},
        "debugContext": {"debugData": {}},
        "legacyEventType": None,
        "authenticationContext": None,
        "securityContext": None,
        "request": {"ipChain": []},
    }
