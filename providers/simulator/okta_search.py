"""Which attributes and operators Okta's filter and search parameters offer on each endpoint."""

from collections.abc import Mapping
from operator import attrgetter
from typing import Any

from providers.simulator import okta_objects as objects
from providers.simulator.directory import Group, Person
from providers.simulator.filters import Reader, Rules

_EQ = frozenset({"eq"})
_TIMES = frozenset({"eq", "gt", "ge", "lt", "le"})
_SEARCH = frozenset({"eq", "sw", "co", "pr", "gt", "ge", "lt", "le"})


def _status(person: Person) -> str:
    return objects.STATUS_NAMES[person.status]


def _type(group: Group) -> str:
    return objects.GROUP_TYPES[group.kind]


_USER_READERS: Mapping[str, Reader] = {
    "id": attrgetter("id"),
    "status": _status,
    "lastUpdated": attrgetter("updated_at"),
    "created": attrgetter("created_at"),
    "statusChanged": attrgetter("status_changed_at"),
    "profile.login": attrgetter("login"),
    "profile.email": attrgetter("email"),
    "profile.firstName": attrgetter("first_name"),
    "profile.lastName": attrgetter("last_name"),
}
_GROUP_READERS: Mapping[str, Reader] = {
    "id": attrgetter("id"),
    "type": _type,
    "lastUpdated": attrgetter("updated_at"),
    "created": attrgetter("created_at"),
    "lastMembershipUpdated": attrgetter("members_updated_at"),
    "profile.name": attrgetter("name"),
}
_FILTERED_USER = (
    "status",
    "lastUpdated",
    "id",
    "profile.login",
    "profile.email",
    "profile.firstName",
    "profile.lastName",
)
_FILTERED_GROUP = ("id", "type", "lastUpdated", "lastMembershipUpdated")
_STAMPS = {"lastUpdated", "lastMembershipUpdated", "created", "statusChanged"}


def _profile_value(name: str) -> Reader | None:
    if not name.startswith("profile."):
        return None

    def read(row: Any) -> Any:
        told = objects.profile(row) if isinstance(row, Person) else {"description": row.description}
        return told.get(name.removeprefix("profile."))

    return read


USER_FILTER = Rules(
    readers=_USER_READERS, operators={name: _TIMES if name in _STAMPS else _EQ for name in _FILTERED_USER}
)
GROUP_FILTER = Rules(
    readers=_GROUP_READERS, operators={name: _TIMES if name in _STAMPS else _EQ for name in _FILTERED_GROUP}
)
USER_SEARCH = Rules(
    readers=_USER_READERS,
    operators=dict.fromkeys(_USER_READERS, _SEARCH),
    fallback=_profile_value,
    fallback_operators=_SEARCH,
)
GROUP_SEARCH = Rules(
    readers=_GROUP_READERS,
    operators=dict.fromkeys(_GROUP_READERS, _SEARCH),
    fallback=_profile_value,
    fallback_operators=_SEARCH,
)


def sort_reader(name: str, rules: Rules) -> Reader | None:
    """How to read the attribute of sortBy, when there is such a one."""
    return rules.readers.get(name) or rules.fallback(name)
