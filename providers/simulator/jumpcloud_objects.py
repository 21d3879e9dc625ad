"""What JumpCloud's JSON looks like: system users, groups, associations, applications, events and errors."""

import random
import uuid
from typing import Any

import orjson

from providers.simulator.clock import iso
from providers.simulator.directory import App, Event, Group, IdShape, Person, Status
from providers.simulator.truth_faults import ABSENT
from providers.simulator.wire import JSON, Answer

OLD_RECORDS_END_S = 1_609_459_200
"""2021-01-01: what was created before has no `state`."""


def hexadecimal(rng: random.Random) -> str:
    """A 24-digit object id."""
    return f"{rng.getrandbits(96):024x}"


IDS = IdShape(person=hexadecimal, group=hexadecimal, app=hexadecimal)
STATUS_NAMES = dict.fromkeys(Status, "ACTIVATED") | {
    Status.STAGED: "STAGED",
    Status.SUSPENDED: "SUSPENDED",
    Status.GONE: "DELETED",
}
STATUSES = {
    "ACTIVATED": Status.ACTIVE,
    "STAGED": Status.STAGED,
    "SUSPENDED": Status.SUSPENDED,
    "DELETED": Status.GONE,
}
"""A deleted user is listed nowhere and is 404 by id; DELETED is the control plane's word alone."""

EVENT_TYPES = {
    "user.created": "user_create",
    "user.changed": "user_update",
    "user.removed": "user_delete",
    "user.status.active": "user_activated",
    "user.status.suspended": "user_suspended",
    "user.status.locked": "user_lockout",
    "user.status.gone": "user_delete",
    "group.created": "group_create",
    "group.changed": "group_update",
    "group.removed": "group_delete",
    "member.added": "association_change",
    "member.removed": "association_change",
}
_WORDS = {
    "firstName": "firstname",
    "lastName": "lastname",
    "displayName": "displayname",
    "title": "jobTitle",
    "email": "email",
    "department": "department",
}
"""The truth's names of fields, and JumpCloud's."""
_EMPTY_TEXTS = [
    "alternateEmail",
    "middlename",
    "company",
    "employeeType",
    "costCenter",
    "location",
    "description",
    "manager",
    "external_dn",
    "external_source_type",
    "managedAppleId",
    "systemUsername",
]
_REST: dict[str, Any] = {
    "externally_managed": False,
    "password_never_expires": False,
    "totp_enabled": False,
    "mfa": {"configured": False, "exclusion": False},
    "addresses": [],
    "phoneNumbers": [],
    "ssh_keys": [],
    "unix_uid": 5000,
    "unix_guid": 5000,
    "sudo": False,
    "passwordless_sudo": False,
    "ldap_binding_user": False,
    "samba_service_user": False,
    "allow_public_key": True,
    "enable_managed_uid": False,
    "enable_user_portal_multifactor": False,
}
"""The same for everybody here."""


def error(status: int, message: str, **more: Any) -> Answer:
    """An error answer in one of JumpCloud's shapes."""
    return Answer(status=status, body=orjson.dumps({**more, "message": message}), headers=[JSON])


def user(person: Person, org_id: str) -> dict[str, Any]:
    """A system user with all its fields; what is unset is an empty text, as the vendor has it."""
    row: dict[str, Any] = {
        "_id": person.id,
        "id": person.id,
        "organization": org_id,
        "username": person.login.partition("@")[0],
        "email": person.email or "",
        "firstname": person.first_name or "",
        "lastname": person.last_name or "",
        "displayname": " ".join(filter(None, (person.first_name, person.last_name))),
        "department": person.department or "",
        "jobTitle": person.title or "",
        "employeeIdentifier": None,
        "recoveryEmail": {"address": ""},
        "attributes": attributes(person),
        "created": iso(person.created_at),
        **dict.fromkeys(_EMPTY_TEXTS, ""),
        **_standing(person),
        **_REST,
    }
    if person.created_at < OLD_RECORDS_END_S and person.status is not Status.STAGED:
        del row["state"]
    return _override(row, person.wire) if person.wire else row


def _standing(person: Person) -> dict[str, Any]:
    """The fields that say where an account stands."""
    status = person.status
    return {
        "state": STATUS_NAMES[status],
        "suspended": status is Status.SUSPENDED,
        "activated": status not in (Status.STAGED, Status.PROVISIONED),
        "account_locked": status is Status.LOCKED,
        "account_locked_date": iso(person.status_changed_at) if status is Status.LOCKED else None,
        "password_expired": status is Status.PASSWORD_EXPIRED,
    }


def attributes(person: Person) -> list[dict[str, Any]]:
    """Custom attributes: a list of names and values, a picture's address among them."""
    found = [{"name": name, "value": value} for name, value in person.attributes.items()]
    if person.picture_url is not None:
        found.append({"name": "picture", "value": person.picture_url})
    return found


def _override(row: dict[str, Any], wire: dict[str, Any]) -> dict[str, Any]:
    """The row with what a fault wants of it, whose words are the truth's or JumpCloud's."""
    said = {key: value for key, value in wire.items() if key not in ("status", "profile")}
    if "status" in wire:
        said["state"] = wire["status"]
    profile = wire.get("profile", {})
    said |= {_WORDS[key]: value for key, value in profile.items() if key in _WORDS}
    return {key: value for key, value in {**row, **said}.items() if value != ABSENT}


def group(item: Group, org_id: str) -> dict[str, Any]:
    """A user group."""
    return {
        "id": item.id,
        "name": "All Users" if item.kind == "built_in" else item.name,
        "type": "user_group",
        "description": item.description or "",
        "email": "",
        "attributes": None,
        "membershipMethod": "STATIC",
        "memberQuery": None,
        "memberQueryExemptions": [],
        "memberSuggestionsNotify": False,
        "organizationObjectId": org_id,
    }


def member(person_id: str, group_id: str) -> dict[str, Any]:
    """One direct association of a group with a user."""
    return {
        "to": {"id": person_id, "type": "user", "attributes": None},
        "from": {"id": group_id, "type": "user_group", "attributes": None},
        "attributes": None,
    }


def bound(ident: str, kind: str, through: str | None) -> dict[str, Any]:
    """One row of a graph list: who is bound, and by which path."""
    path = [{"attributes": None, "to": {"id": ident, "type": kind, "attributes": None}}]
    if through is not None:
        path.insert(0, {"attributes": None, "to": {"id": through, "type": "user_group", "attributes": None}})
    return {"id": ident, "type": kind, "compiledAttributes": {"ldapGroups": []}, "paths": [path]}


def app(item: App) -> dict[str, Any]:
    """An application."""
    return {
        "_id": item.id,
        "id": item.id,
        "name": item.name,
        "displayName": item.label,
        "displayLabel": item.label,
        "active": True,
        "color": None,
    }


def event(item: Event, org_id: str) -> dict[str, Any]:
    """One line of Directory Insights; search values are lower-cased by the vendor, ids are already."""
    kind = EVENT_TYPES.get(item.kind, "user_update")
    row: dict[str, Any] = {
        "id": f"{item.number:024x}",
        "event_type": kind,
        "timestamp": iso(item.at),
        "service": "directory",
        "organization": org_id,
        "success": True,
        "@version": "1",
        "client_ip": "203.0.113.7",
        "auth_method": "session",
        "initiated_by": {"id": "5f" + "0" * 22, "type": "admin", "email": "admin@example.com"},
        "changes": [],
    }
    if kind == "association_change":
        row["association"] = _association(item)
    elif item.group_id is not None:
        row["resource"] = {"id": item.group_id, "type": "user_group", "name": item.name}
    else:
        row["resource"] = {"id": item.person_id, "type": "user", "username": item.name}
    return row


def notice(item: Event, org_id: str) -> bytes:
    """What a webhook channel posts: one event."""
    return orjson.dumps(event(item, org_id))


def sign_in_notice(org_id: str) -> bytes:
    """What a webhook channel posts when somebody signs in."""
    row = {"id": uuid.uuid4().hex[:24], "event_type": "user_login_attempt", "organization": org_id}
    return orjson.dumps(row | {"service": "directory", "resource": {"id": "5f" + "0" * 22, "type": "user"}})


def _association(item: Event) -> dict[str, Any]:
    return {
        "op": "add" if item.kind == "member.added" else "remove",
        "action_source": "jumpcloud",
        "connection": {
            "from": {"type": "user_group", "object_id": item.group_id, "name": item.name},
            "to": {"type": "user", "object_id": item.person_id, "name": ""},
        },
        "attributes": None,
    }
