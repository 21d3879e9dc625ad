"""The demo's simulated directories, the one person who is in both, and the truth they are judged by."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from providers.registry import TYPES
from providers.simulator.server import Simulator, start
from sync.model.errors import Misconfigured

PEOPLE: Final = 1000
GROUPS: Final = 40
BOUGHT_PEOPLE: Final = 60
BOUGHT_GROUPS: Final = 8

_WITH_EVERYONE: Final = frozenset({"onelogin"})
"""Where the group of all people is a group like any other; a pull of the other types leaves it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """A simulated directory and the words for it."""

    idp: Simulator
    name: str
    label: str

    @property
    def settings(self) -> dict[str, Any]:
        """What a connection to it is given."""
        return {"base_url": self.idp.base_url, **self.idp.credentials}

    def named(self, email: str) -> dict[str, Any]:
        """The truth about the person with this address."""
        return next(person for person in self.idp.state()["users"] if person["email"] == email)


@contextlib.contextmanager
def directories(type_name: str, *, people: int = PEOPLE) -> Iterator[tuple[Directory, Directory]]:
    """The company's directory, of this type, and that of a company it buys: Okta, or Entra ID beside Okta.

    Raises Misconfigured for a type that does not exist.
    """
    if type_name not in TYPES:
        raise Misconfigured(f"--type: {type_name!r} is unknown; there are {', '.join(TYPES)}")
    bought = "azure" if type_name == "okta" else "okta"
    with (
        start(type_name, users=people, groups=GROUPS, scenario="demo") as ours,
        start(bought, users=BOUGHT_PEOPLE, groups=BOUGHT_GROUPS, seed=2, scenario="subsidiary") as theirs,
    ):
        yield _named(type_name, ours), _named(bought, theirs)


def _named(type_name: str, idp: Simulator) -> Directory:
    return Directory(idp=idp, name=type_name, label=TYPES[type_name].label)


def share(ours: Directory, theirs: Directory) -> str:
    """Give one person of ours an account and a group in theirs too; who it is, by e-mail."""
    state = ours.idp.state()
    grouped = {member for group in _counted(state) for member in group["members"]}
    person = next(each for each in state["users"] if each["active"] and each["id"] in grouped)
    names = {name: person[name] for name in ("email", "first_name", "last_name")}
    made = theirs.idp.add_user(**names)
    theirs.idp.add_member(next(group["id"] for group in _counted(theirs.idp.state())), made["id"])
    return str(person["email"])


def differences(states: Sequence[Mapping[str, Any]], users: Sequence[Mapping[str, Any]]) -> list[str]:
    """Where the application differs from the directories' states, as phrases: who is active, with which tags.

    Whoever is active in one of them has access, with the tags of all of them.
    """
    truth: dict[str, set[str]] = {}
    allowed: set[str] = set()
    for state in states:
        for person in state["users"]:
            if person["email"]:
                groups = (g["name"] for g in _counted(state) if person["id"] in g["members"])
                truth.setdefault(person["email"], {"scim"}).update(f"Group:{name}" for name in groups)
                allowed |= {person["email"]} if person["active"] else set()
    ours = {user["email"]: set(user["tags"]) for user in users if user["active"]}
    wrong = [f"{email} is missing" for email in allowed - ours.keys()]
    wrong += [f"{email} should have no access" for email in ours.keys() - allowed]
    wrong += [f"{email} has the wrong tags" for email in allowed & ours.keys() if ours[email] != truth[email]]
    return wrong


def _counted(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [
        group
        for group in state["groups"]
        if group["kind"] != "built_in" or state.get("type") in _WITH_EVERYONE
    ]


__all__ = ["Directory", "differences", "directories", "share"]
