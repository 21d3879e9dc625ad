"""What OneLogin's JSON looks like: users, roles, groups, events, and errors in their five shapes."""

import random
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from providers.simulator import people
from providers.simulator.clock import iso
from providers.simulator.directory import Event, Group, IdShape, Person, Status
from providers.simulator.truth_faults import ABSENT
from providers.simulator.wire import JSON, Answer


def digits(count: int) -> Callable[[random.Random], str]:
    """Ids are numbers; all of one length, so that their order is that of their texts."""
    return lambda rng: str(rng.randrange(10 ** (count - 1), 10**count))


IDS = IdShape(person=digits(12), group=digits(9), app=digits(8))
CODES: dict[Status, int] = {
    Status.ACTIVE: 1,
    Status.PROVISIONED: 5,
    Status.RECOVERY: 8,
    Status.PASSWORD_EXPIRED: 4,
    Status.LOCKED: 3,
    Status.STAGED: 7,
    Status.SUSPENDED: 2,
    Status.GONE: 2,
}
STATUS_NAMES = {
    Status.ACTIVE: "Active",
    Status.PROVISIONED: "Awaiting password reset",
    Status.RECOVERY: "Security questions required",
    Status.PASSWORD_EXPIRED: "Password expired",
    Status.LOCKED: "Locked",
    Status.STAGED: "Password pending",
    Status.SUSPENDED: "Suspended",
    Status.GONE: "Deleted",
}
STATUSES = {name: status for status, name in STATUS_NAMES.items()}
"""A deleted user is listed nowhere and is 404 by id; Deleted is the control plane's word alone."""

UNKNOWN_CODE = 9
LISTED = frozenset(
    [
        "id",
        "username",
        "email",
        "firstname",
        "lastname",
        "title",
        "department",
        "company",
        "phone",
        "status",
        "state",
        "group_id",
        "created_at",
        "updated_at",
        "activated_at",
        "last_login",
        "invitation_sent_at",
        "locked_until",
        "password_changed_at",
        "invalid_login_attempts",
        "preferred_locale_code",
        "comment",
    ]
)
"""What a list gives when nobody names fields; the rest has to be asked for."""

GROUP_NAMES = sorted(set(people.DEPARTMENTS))
EVENT_TYPES = {
    "user.created": 13,
    "user.changed": 14,
    "user.removed": 17,
    "user.status.suspended": 21,
    "user.status.active": 16,
    "user.status.locked": 19,
    "user.status.gone": 17,
    "member.added": 147,
    "member.removed": 148,
}
_WORDS = {
    "firstName": "firstname",
    "lastName": "lastname",
    "title": "title",
    "email": "email",
    "department": "department",
}


def group_id(person: Person) -> int | None:
    """The one group a person is in: their department."""
    return GROUP_NAMES.index(person.department) + 501 if person.department in GROUP_NAMES else None


def user(person: Person, role_ids: list[int]) -> dict[str, Any]:
    """A user with all fields."""
    status = person.status
    row: dict[str, Any] = {
        "id": int(person.id),
        "username": person.login,
        "email": person.email,
        "firstname": person.first_name,
        "lastname": person.last_name,
        "title": person.title,
        "department": person.department,
        "company": None,
        "phone": None,
        "status": CODES[status],
        "state": 1,
        "group_id": group_id(person),
        "role_ids": role_ids,
        "custom_attributes": {"photo": person.picture_url, **person.attributes},
        "manager_user_id": None,
        "external_id": None,
        "directory_id": None,
        "trusted_idp_id": None,
        "samaccountname": None,
        "userprincipalname": None,
        "distinguished_name": None,
        "member_of": None,
        "created_at": iso(person.created_at),
        "updated_at": iso(person.updated_at),
        "activated_at": None if status is Status.STAGED else iso(person.created_at),
        "last_login": None,
        "locked_until": None,
        "invitation_sent_at": None,
        "preferred_locale_code": None,
        "comment": None,
        "invalid_login_attempts": 0,
        "password_changed_at": None,
    }
    return _override(row, person.wire) if person.wire else row


def _override(row: dict[str, Any], wire: dict[str, Any]) -> dict[str, Any]:
    """The row with what a fault wants of it, whose words are the truth's or OneLogin's."""
    said = {key: value for key, value in wire.items() if key != "profile"}
    if isinstance(said.get("status"), str):
        said["status"] = UNKNOWN_CODE
    profile = wire.get("profile", {})
    said |= {_WORDS[key]: value for key, value in profile.items() if key in _WORDS}
    return {key: value for key, value in {**row, **said}.items() if value != ABSENT}


def role(item: Group, *, users: bool) -> dict[str, Any]:
    """A role of the list; whether it names its users is the vendor's secret."""
    row: dict[str, Any] = {"id": int(item.id), "name": item.name}
    if users:
        row |= {"apps": [], "users": sorted(map(int, item.members)), "admins": []}
    return row


def role_user(person_id: str, person: Person | None) -> dict[str, Any]:
    """One user of a role."""
    name = " ".join(filter(None, (person.first_name, person.last_name))) if person else ""
    return {
        "id": int(person_id),
        "name": name,
        "username": person.login if person else None,
        "assigned": True,
        "added_by": {"id": 1, "name": "Admin"},
        "added_at": "2026-01-01T00:00:00.000Z",
    }


def group(number: int) -> dict[str, Any]:
    """A group by its place in the list."""
    return {"id": number + 501, "name": GROUP_NAMES[number], "reference": None}


def event(item: Event, account_id: int) -> dict[str, Any]:
    """One line of the event log; nearly everything can be null."""
    is_role = item.group_id is not None
    empty = dict.fromkeys(("actor_user_id", "actor_user_name", "app_id", "app_name", "notes", "ipaddr"))
    return {
        "id": item.number,
        "created_at": iso(item.at),
        "account_id": account_id,
        "user_id": int(item.person_id) if item.person_id else None,
        "user_name": None if is_role else item.name,
        "event_type_id": EVENT_TYPES.get(item.kind, 14),
        "role_id": int(item.group_id) if item.group_id else None,
        "role_name": item.name if is_role else None,
        "group_id": None,
        **empty,
    }


def notice(events: Sequence[Event], account_id: int) -> bytes:
    """What an event webhook posts in the form JSON Array: whatever happened, of every type."""
    rows = []
    for item in events:
        row = event(item, account_id)
        at = row.pop("created_at")
        told = {
            "uuid": f"{item.number:08x}-0000-4000-8000-{account_id:012x}",
            "create": {"_id": f"{item.number:024x}"},
            "event_timestamp": f"{at[:10]} {at[11:19]} UTC",
        }
        rows.append(told | {key: value for key, value in row.items() if key != "id"})
    return orjson.dumps(rows)


def sign_in_notice(account_id: int) -> bytes:
    """What an event webhook posts when somebody signs in, which is most of what it posts."""
    row = {
        "uuid": str(uuid.uuid4()),
        "account_id": account_id,
        "event_type_id": 5,
        "user_id": 1,
        "role_id": None,
    }
    return orjson.dumps([row])


def envelope(data: Any, *, before: str | None = None, after: str | None = None, paged: bool = True) -> Answer:
    """An answer of API v1."""
    told: dict[str, Any] = {
        "status": {"error": False, "code": 200, "type": "success", "message": "Success"},
        "data": data,
    }
    if paged:
        told["pagination"] = {
            "before_cursor": before,
            "after_cursor": after,
            "previous_link": None,
            "next_link": None,
        }
    return Answer(body=orjson.dumps(told), headers=[JSON])


def refused(status: int, body: Any) -> Answer:
    """An error answer."""
    return Answer(status=status, body=orjson.dumps(body), headers=[JSON])


def named_error(status: int, name: str, message: str) -> Answer:
    """Shape 1: the users API of v2, and (with 429) the gateway's shape 5."""
    return refused(status, {"name": name, "message": message, "statusCode": status})


def described_error(status: int, error: str, description: str) -> Answer:
    """Shape 2: roles and pages."""
    return refused(status, {"status": status, "error": error, "description": description})


def v1_error(status: int, type: str, message: Any) -> Answer:
    """Shape 3: API v1, tokens and scopes; the message may be an object."""
    return refused(status, {"status": {"error": True, "code": status, "type": type, "message": message}})


def field_error(field: str, message: str) -> Answer:
    """Shape 4: a value that is not valid."""
    body = {"code": 422, "message": "Validation Failed", "errors": [{"field": field, "message": [message]}]}
    return refused(422, body)


HAPROXY_PAGE = (
    b"<html><body><h1>429 Too Many Requests</h1>\nYou have sent too many requests in a given "
    b"amount of time.\n</body></html>\n"
)


def haproxy_429() -> Answer:
    """The page of the balancer before the API: no wait, no rate headers."""
    headers = [(b"content-type", b"text/html"), (b"cache-control", b"no-cache"), (b"connection", b"close")]
    return Answer(status=429, body=HAPROXY_PAGE[:117].ljust(117), headers=headers)
