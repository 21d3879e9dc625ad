"""What the contract suite has to know of each vendor: what its lists must show, and what stops it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from providers.simulator.faults import CATALOGUE, Fault

State = dict[str, Any]
"""The simulator's truth, as /_sim/state gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """One provider under the contract.

    ``present`` are the ids that a full read has to meet, ``members`` the memberships it has to give,
    by group id. ``fatal`` are the faults that must end the walk without an End; ``elsewhere`` those
    that this suite does not switch on, with the test that does; ``unseen`` those that the API cannot
    reveal, with what else catches them; ``slow`` those too costly to make twice. ``switches`` are on from
    the start, so that a small directory has several pages.
    """

    type: str
    present: Callable[[State], set[str]]
    members: Callable[[State], dict[str, set[str]]]
    fatal: frozenset[str]
    elsewhere: dict[str, str]
    unseen: dict[str, str]
    slow: frozenset[str] = frozenset({"G05"})
    least: int = 50
    settings: tuple[tuple[str, Any], ...] = ()
    switches: tuple[str, ...] = ()

    @property
    def faults(self) -> list[Fault]:
        """The rows of the catalogue that apply."""
        mine = [each for each in CATALOGUE if self.type in each.applies_to and not each.is_of_hooks]
        return [each for each in mine if each.id not in self.elsewhere]


def _ids(text: str) -> frozenset[str]:
    return frozenset(text.split())


OKTA = Vendor(
    type="okta",
    present=lambda state: {user["id"] for user in state["users"] if user["status"] != "DEPROVISIONED"},
    members=lambda state: {
        group["id"]: set(group["members"]) for group in state["groups"] if group["kind"] != "built_in"
    },
    fatal=_ids("A01 A02 A03 A04 A06 A07 A08 B04 B06 B14 B16 C11 C12 P01 P05 P21 P30 T04"),
    elsewhere={
        "T07": "the token endpoint: tests/providers/test_okta_service_app.py",
        "A14": "the token endpoint: tests/providers/test_okta_service_app.py",
        "A15": "the token endpoint: tests/providers/test_okta_service_app.py",
    },
    unseen={
        "A20": "another organisation answers: identity() tells, and the engine compares it",
        "C05": "the API cannot reveal it: the second look by id does",
    },
)

JUMPCLOUD = Vendor(
    type="jumpcloud",
    present=lambda state: {user["id"] for user in state["users"] if user["status"] != "DELETED"},
    members=lambda state: {
        group["id"]: set(group["members"]) for group in state["groups"] if group["kind"] != "built_in"
    },
    fatal=_ids("A01 A02 A03 A06 A16 A18 B04 B06 B14 C11 P18 P21 P30 T04"),
    elsewhere={"T07": "the token endpoint: tests/providers/test_jumpcloud.py"},
    unseen={
        "A20": "another organisation answers: identity() tells, and the engine compares it",
        "C05": "the API cannot reveal it: the second look by id does",
        "C12": "the API cannot reveal it: the second look and the safeguards do",
    },
)

ONELOGIN = Vendor(
    type="onelogin",
    present=lambda state: {user["id"] for user in state["users"] if user["status"] != "Deleted"},
    members=lambda state: {f"role:{group['id']}": set(group["members"]) for group in state["groups"]},
    fatal=_ids("A02 A05 A10 B04 B06 B14 B17 C11 P02 P04 P21 P30 T04"),
    elsewhere={"T07": "the token endpoint: tests/providers/test_onelogin_token.py"},
    unseen={
        "A20": "another account answers: identity() tells, and the engine compares it",
        "C04": "the API cannot reveal it: the second look by id does",
        "C05": "the API cannot reveal it: the second look by id does",
        "C08": "the API cannot reveal it: a role ends when two reads in a row miss it",
        "C12": "the API cannot reveal it: the second look and the safeguards do",
    },
)

AZURE = Vendor(
    type="azure",
    present=lambda state: {user["id"] for user in state["users"] if user["status"] != "deleted"},
    members=lambda state: {
        group["id"]: set(group["members"]) for group in state["groups"] if group["kind"] != "built_in"
    },
    fatal=_ids("A02 A06 A13 B04 B06 B14 C11 P01 P02 P05 P18 P21 P30 T04"),
    elsewhere={"U15": "guests are out of scope: tests/providers/test_azure.py"},
    unseen={
        "A20": "another tenant answers: identity() tells, and the engine compares it",
        "C05": "the API cannot reveal it: the second look by id does",
        "C12": "the API cannot reveal it: the second look and the safeguards do",
    },
    switches=("top(200)",),
)

SCIM = Vendor(
    type="scim",
    present=lambda state: {user["id"] for user in state["users"] if user["status"] != "gone"},
    members=lambda state: {
        group["id"]: set(group["members"]) for group in state["groups"] if group["kind"] != "built_in"
    },
    fatal=_ids("A02 A03 A06 A19 B04 B06 B14 G18 P02 P03 P04 P18 P21 T04"),
    elsewhere={
        "T07": "there is no token endpoint",
        "B15": "making the rows takes longer than this suite waits: tests/providers/test_scim.py",
    },
    unseen={
        "A20": "SCIM has no name for who answers: the safeguards see all ids new and all old gone",
        "C04": "the counts are equal: the second look by id finds who was missed",
        "C05": "the API cannot reveal it: the second look by id does",
        "C11": "a legal answer: the safeguards hold an empty source",
        "C12": "a legal answer: the safeguards hold a mass suspension",
        "P30": "a legal answer: the second look by id finds those who were not listed",
    },
    slow=frozenset({"G05"}),
)

VENDORS = (OKTA, JUMPCLOUD, ONELOGIN, AZURE, SCIM)
