"""The rules that may stop a plan, each with its own sentence for the admin.

They count effective transitions only: people already suspended are in no change, so they never
count. A hold names the actions it stops; everything else may go on. What trips over one kind of
removal stops them all: whoever vanished from a directory left its groups as well, and must not
lose their tags while a person still looks at the suspension.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sync.model.change import REMOVALS, Action
from sync.model.connection import Policy
from sync.plan import Tally, counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What there is before the plan: the wholes that limits are shares of.

    ``users_met`` is how many people the read saw, ``users_before`` how many live directory users
    there were; None when the read was no full pull. ``approved_beforehand`` says that an admin let
    the first run go unread. ``idle_includes`` are group patterns that no group of the read fits.
    ``frozen`` is the sentence of a freeze in force.
    """

    managed_active: int
    groups: int
    tags: int
    users_before: int
    users_met: int | None
    first_run: bool
    approved_beforehand: bool = False
    idle_includes: Sequence[str] = ()
    frozen: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One safeguard that tripped: its name, the sentence, and what must wait."""

    rule: str
    sentence: str
    actions: frozenset[Action]


EVERYTHING = frozenset(Action)

USERS = "managed active users"


def holds(tally: Tally, standing: Standing, policy: Policy) -> Sequence[Hold]:
    """Every safeguard that wants this plan to wait; none means: proceed."""
    if tally.empty:
        return ()
    rules = (
        _freeze,
        _first_run,
        _idle_include,
        _source_shrank,
        _suspensions,
        _releases,
        _groups,
        _members,
        _tags,
        _creations,
        _updates,
    )
    return [hold for rule in rules for hold in rule(tally, standing, policy)]


def _freeze(tally: Tally, standing: Standing, _policy: Policy) -> Iterator[Hold]:
    if standing.frozen is not None and any(tally.counts[action] for action in REMOVALS):
        yield Hold(
            rule="freeze",
            sentence=f"{standing.frozen} Nothing is taken from anybody meanwhile.",
            actions=REMOVALS,
        )


def _releases(tally: Tally, standing: Standing, policy: Policy) -> Iterator[Hold]:
    wanted, limit = tally.counts[Action.RELEASE], policy.safeguards.suspensions
    if not limit.allows(wanted, standing.managed_active):
        yield Hold(
            rule="releases",
            sentence=f"{counted(wanted, 'account', 'accounts')} would lose the link and its tags; "
            f"the limit is {limit.text(standing.managed_active, USERS)}.",
            actions=REMOVALS,
        )


def _first_run(_tally: Tally, standing: Standing, policy: Policy) -> Iterator[Hold]:
    if standing.first_run and policy.safeguards.first_run and not standing.approved_beforehand:
        yield Hold(
            rule="first_run",
            sentence="This is the first run of the connection. Read the plan, then approve it.",
            actions=EVERYTHING,
        )


def _idle_include(_tally: Tally, standing: Standing, _policy: Policy) -> Iterator[Hold]:
    for pattern in standing.idle_includes:
        yield Hold(rule="include_matches_nothing", sentence=idle_sentence(pattern), actions=EVERYTHING)


def idle_sentence(pattern: str) -> str:
    """What to tell about an include pattern that fits no group."""
    return (
        f"The included group {pattern} fits no group of the directory. "
        "Correct groups.include, or take it out, and run again."
    )


def _source_shrank(_tally: Tally, standing: Standing, policy: Policy) -> Iterator[Hold]:
    met, before = standing.users_met, standing.users_before
    if met is None or not before or not policy.safeguards.empty_source:
        return
    if met == 0:
        yield Hold(
            rule="empty_source",
            sentence=f"The directory answered with nobody; {before:,} people were there before. "
            "Check the credentials' rights and the scope before you approve.",
            actions=REMOVALS,
        )
    elif met < before * (1 - policy.safeguards.user_count_fall):
        yield Hold(
            rule="user_count_fall",
            sentence=f"The directory fell from {before:,} to {met:,} people. "
            "Check the scope and the credentials' rights before you approve.",
            actions=REMOVALS,
        )


def _suspensions(tally: Tally, standing: Standing, policy: Policy) -> Iterator[Hold]:
    wanted, limit = tally.counts[Action.SUSPEND], policy.safeguards.suspensions
    if not limit.allows(wanted, standing.managed_active):
        yield Hold(
            rule="suspensions",
            sentence=f"{counted(wanted, 'person', 'people')} would be suspended; "
            f"the limit is {limit.text(standing.managed_active, USERS)}.",
            actions=REMOVALS,
        )


def _groups(tally: Tally, standing: Standing, policy: Policy) -> Iterator[Hold]:
    wanted, limit = tally.counts[Action.GROUP_DELETE], policy.safeguards.group_deletions
    if not limit.allows(wanted, standing.groups):
        yield Hold(
            rule="group_deletions",
            sentence=f"{counted(wanted, 'group', 'groups')} would be deleted; "
            f"the limit is {limit.text(standing.groups, 'groups')}.",
            actions=REMOVALS,
        )


def _members(tally: Tally, _standing: Standing, policy: Policy) -> Iterator[Hold]:
    limit = policy.safeguards.member_removals
    for name, lost, size in tally.largest_removals.values():
        if size >= policy.safeguards.member_removals_from and not limit.allows(lost, size):
            yield Hold(
                rule="member_removals",
                sentence=f"The group {name} would lose {lost:,} of {size:,} members; "
                f"the limit is {limit.text(size, 'members')}.",
                actions=REMOVALS,
            )


def _tags(tally: Tally, standing: Standing, policy: Policy) -> Iterator[Hold]:
    wanted, limit = tally.counts[Action.MEMBER_REMOVE], policy.safeguards.tag_removals
    if not limit.allows(wanted, standing.tags):
        yield Hold(
            rule="tag_removals",
            sentence=f"{counted(wanted, 'membership', 'memberships')} would be removed; "
            f"the limit is {limit.text(standing.tags, 'memberships')}.",
            actions=REMOVALS,
        )


def _creations(tally: Tally, standing: Standing, policy: Policy) -> Iterator[Hold]:
    wanted, limit = tally.counts[Action.CREATE], policy.safeguards.creations
    if not standing.first_run and not limit.allows(wanted, standing.managed_active):
        yield Hold(
            rule="creations",
            sentence=f"{counted(wanted, 'person', 'people')} would be created; "
            f"the limit is {limit.text(standing.managed_active, USERS)}. "
            "A wrong scope looks like this.",
            actions=frozenset({Action.CREATE}),
        )


def _updates(tally: Tally, standing: Standing, policy: Policy) -> Iterator[Hold]:
    wanted, limit = tally.counts[Action.UPDATE], policy.safeguards.updates
    if not standing.first_run and not limit.allows(wanted, standing.managed_active):
        yield Hold(
            rule="updates",
            sentence=f"{counted(wanted, 'profile', 'profiles')} would be rewritten; "
            f"the limit is {limit.text(standing.managed_active, USERS)}. "
            "A changed attribute mapping looks like this.",
            actions=frozenset({Action.UPDATE}),
        )
