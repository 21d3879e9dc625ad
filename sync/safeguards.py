"""The rules that may stop a plan, each with its own sentence for the admin.

They count effective transitions only: people already suspended are in no change, so they never
count. A hold names the actions it stops; everything else may go on. What trips over one kind of
removal stops them all: whoever vanished from a directory left its groups as well, and must not
lose their tags while a person still looks at the suspension.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sync.model.change import REMOVALS, Action
from sync.model.connection import Limit, Policy, Safeguards
from sync.plan import Tally, counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What there is before the plan: the wholes that limits are shares of.

    ``users_met`` is how many people the read saw, ``users_before`` how many live directory users
    there were; None when the read was no full pull. ``approved_beforehand`` says that an admin let
    the first run go unread. ``idle_includes`` are group patterns that no group of the read fits.
    ``frozen`` is the sentence of a freeze in force. ``tags_lost`` is how many tags the plan really
    takes, by whichever way; None where only the ended memberships are known.
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
    tags_lost: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One safeguard that tripped: its name, the sentence, and what must wait."""

    rule: str
    sentence: str
    actions: frozenset[Action]


EVERYTHING = frozenset(Action)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Share:
    """A rule that lets so many of one action through, as a share of a whole; the words tell of it.

    ``spares_first_run`` leaves a first run alone: it creates everybody. ``like`` says what a plan
    that trips here often is.
    """

    rule: str
    action: Action
    limit: Callable[[Safeguards], Limit]
    whole: Callable[[Standing], int]
    of: str
    words: tuple[str, str]
    would: str
    stops: frozenset[Action] = REMOVALS
    spares_first_run: bool = False
    like: str = ""


_USERS = "managed active users"
_PEOPLE = ("person", "people")

SHARES = (
    _Share(
        rule="suspensions",
        action=Action.SUSPEND,
        limit=lambda limits: limits.suspensions,
        whole=lambda standing: standing.managed_active,
        of=_USERS,
        words=_PEOPLE,
        would="be suspended",
    ),
    _Share(
        rule="releases",
        action=Action.RELEASE,
        limit=lambda limits: limits.suspensions,
        whole=lambda standing: standing.managed_active,
        of=_USERS,
        words=("account", "accounts"),
        would="lose the link and its tags",
    ),
    _Share(
        rule="group_deletions",
        action=Action.GROUP_DELETE,
        limit=lambda limits: limits.group_deletions,
        whole=lambda standing: standing.groups,
        of="groups",
        words=("group", "groups"),
        would="be deleted",
    ),
    _Share(
        rule="creations",
        action=Action.CREATE,
        limit=lambda limits: limits.creations,
        whole=lambda standing: standing.managed_active,
        of=_USERS,
        words=_PEOPLE,
        would="be created",
        stops=frozenset({Action.CREATE}),
        spares_first_run=True,
        like=" A wrong scope looks like this.",
    ),
    _Share(
        rule="updates",
        action=Action.UPDATE,
        limit=lambda limits: limits.updates,
        whole=lambda standing: standing.managed_active,
        of=_USERS,
        words=("profile", "profiles"),
        would="be rewritten",
        stops=frozenset({Action.UPDATE}),
        spares_first_run=True,
        like=" A changed attribute mapping looks like this.",
    ),
)
"""The rules of one shape: more than a limit of one action."""


def holds(tally: Tally, standing: Standing, policy: Policy) -> Sequence[Hold]:
    """Every safeguard that wants this plan to wait; none means: proceed."""
    if tally.empty:
        return ()
    rules = (
        _freeze,
        _first_run,
        _idle_include,
        _source_shrank,
        _too_many,
        _members,
        _tags,
    )
    return [hold for rule in rules for hold in rule(tally, standing, policy)]


def _freeze(tally: Tally, standing: Standing, _policy: Policy) -> Iterator[Hold]:
    if standing.frozen is not None and any(tally.counts[action] for action in REMOVALS):
        yield Hold(
            rule="freeze",
            sentence=f"{standing.frozen} Nothing is taken from anybody meanwhile.",
            actions=REMOVALS,
        )


def _too_many(tally: Tally, standing: Standing, policy: Policy) -> Iterator[Hold]:
    for share in SHARES:
        wanted, whole = tally.counts[share.action], share.whole(standing)
        limit = share.limit(policy.safeguards)
        if limit.allows(wanted, whole) or (share.spares_first_run and standing.first_run):
            continue
        sentence = (
            f"{counted(wanted, *share.words)} would {share.would}; "
            f"the limit is {limit.text(whole, share.of)}.{share.like}"
        )
        yield Hold(rule=share.rule, sentence=sentence, actions=share.stops)


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
    ended, limit = tally.counts[Action.MEMBER_REMOVE], policy.safeguards.tag_removals
    lost = ended if standing.tags_lost is None else standing.tags_lost
    if not limit.allows(lost, standing.tags):
        words = ("membership", "memberships") if standing.tags_lost is None else ("tag", "tags")
        yield Hold(
            rule="tag_removals",
            sentence=f"{counted(lost, *words)} would be removed; "
            f"the limit is {limit.text(standing.tags, 'memberships')}.",
            actions=REMOVALS,
        )
