"""Facts as an admin reads them: rows of history, links, members, questions and plans, each as one sentence.

A row is told as it was written; what no row tells is said to be unknown, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sync.explanation import BY_HAND, Because
from sync.store.times import from_text

Row = Mapping[str, Any]

BEFORE_HISTORY: Final = "known since before history was kept"

_ACTOR_KIND: Final = "admin:"

_DID: Final = {
    "create": "Created",
    "adopt": "Adopted",
    "update": "Updated",
    "suspend": "Suspended",
    "reactivate": "Reactivated",
    "release": "Released",
    "record": "Noted",
}
"""Actions on a person, as what was done."""

_SETTLED: Final = {
    "link": "link it",
    "separate": "keep it apart",
    "ignore": "ignore it",
}
"""A person's answers to a question."""


def moment(text: str | None) -> datetime | None:
    """A time of the tables."""
    return from_text(text)


def deed(row: Row) -> str:
    """What a change did, in a word."""
    return _DID.get(row["action"], str(row["action"]).replace("_", " "))


def done(row: Row, names: Mapping[str, str], lead: str = "") -> Because:
    """A row of history: what was done and why, by which directory or hand. ``lead`` stands for the deed."""
    fact = f"{lead or deed(row)}: {row['reason']}"
    if row["connection_id"] is None:
        by = f" (by {row['actor'].removeprefix(_ACTOR_KIND)})"
        return Because(fact=fact + by, source=BY_HAND, run_id=row["run_id"], at=moment(row["at"]))
    way = "" if row["run_id"] is not None else _way(row["actor"])
    source = names.get(row["connection_id"], "a connection that was removed")
    return Because(fact=fact + way, source=source, run_id=row["run_id"], at=moment(row["at"]))


def _way(actor: str) -> str:
    """How a change of a connection's came about that no run made."""
    if actor.startswith(_ACTOR_KIND):
        return f" (by {actor.removeprefix(_ACTOR_KIND)})"
    return " (when a seat was free)" if actor == "seats" else " (pushed)"


def says(seen: Row, last: Row | None, *, why: str = "") -> Because:
    """What a directory says of a person now; ``last`` is the newest row of history about that."""
    if seen["deleted_at"] is not None:
        fact = f"{seen['connection']} has deleted this person"
    elif seen["status"] == "gone":
        fact = f"{seen['connection']} does not have this person any more: {seen['status_text'] or 'absent'}"
    else:
        fact = f"{seen['connection']} says {_words(seen)}"
    return _of(seen, last, f"{fact}; {why}" if why else fact)


def missed(seen: Row) -> Because:
    """That complete reads do not show somebody any more, and that this does not count yet."""
    since = seen["absent_since"] or seen["absent_at"]
    fact = (
        f"{seen['connection']} does not show this person since the complete read of "
        f"{_minute(since)}; that is not certain or not long enough to count yet"
    )
    return Because(fact=fact, source=seen["connection"], at=moment(since))


def _minute(at: str) -> str:
    return f"{at[:16].replace('T', ' ')} UTC"


def says_of(seen: Row, last: Row | None, value: str) -> Because:
    """What a directory says of one field."""
    return _of(seen, last, f"{seen['connection']} says “{value}”")


def maps(seen: Row, last: Row | None, rule: str, value: str) -> Because:
    """What a directory's own attribute comes to by the connection's mapping."""
    return _of(seen, last, f"{seen['connection']} says “{value}” by the rule {rule}")


def _of(seen: Row, last: Row | None, fact: str) -> Because:
    return Because(
        fact=fact,
        source=seen["connection"],
        run_id=last["run_id"] if last is not None else None,
        at=moment(last["at"] if last is not None else seen["updated_at"]),
    )


def _words(seen: Row) -> str:
    word, text = seen["status"], seen["status_text"]
    return f"{word} ({text})" if text and text.casefold() != word else word


def question(row: Row, names: Mapping[str, str]) -> Because:
    """What was asked of a person about somebody, and the answer if there is one."""
    source = names.get(row["connection_id"], "a connection that was removed")
    asked = f"{row['kind'].replace('_', ' ')}: {row['why']}"
    if row["state"] == "open":
        return Because(
            fact=f"Needs attention: {asked}",
            source=source,
            run_id=row["last_seen_run"],
            at=moment(row["first_seen_at"]),
        )
    if row["resolution"] is None:
        fact = f"Answered itself: {asked}"
    else:
        answer = _SETTLED.get(row["resolution"], row["resolution"])
        fact = f"A person said to {answer} (by {row['resolved_by']}): {asked}"
    by_hand = row["resolution"] is not None
    return Because(fact=fact, source=BY_HAND if by_hand else source, at=moment(row["resolved_at"]))


def waits(item: Row) -> Because:
    """A change that is planned and not done: for want of approval, or of a seat."""
    change = item["change"]
    what, deed = "approval" if item["state"] == "held" else "a free seat", item["action"].replace("_", " ")
    return Because(
        fact=f"Plan {item['plan_id']} waits for {what} to {deed}: {change['reason']}",
        source=item["connection"],
        run_id=item["run_id"],
        at=moment(item["created_at"]),
    )


def left_out(row: Row) -> Because:
    """A change that a person left out of a plan."""
    deed = row["action"].replace("_", " ")
    return Because(
        fact=f"Left out of plan {row['plan_id']} by {row['by']}, and of every plan since: {deed}: "
        f"{row['reason']} (let it in again: connector plans include {row['item_id']})",
        source=BY_HAND,
        at=moment(row["at"]),
    )


def linked(seen: Row, rows: Sequence[Row], names: Mapping[str, str]) -> list[Because]:
    """How a directory's person came to be an account: the link itself, and the change that made it."""
    rule = f" by the rule “{seen['rule']}”" if seen["rule"] else ""
    link = Because(
        fact=f"{seen['how'].capitalize()}{rule}",
        source=seen["connection"],
        run_id=seen["run_id"],
        at=moment(seen["linked_at"]),
    )
    made = next((row for row in rows if row["at"] == seen["linked_at"] and row["action"] != "record"), None)
    return [link] if made is None else [link, done(made, names)]


def member(row: Row) -> Because:
    """A membership: in which directory group, since when, by which run or push."""
    pushed = "" if row["run_id"] else " (pushed)"
    missed = ""
    if row["missed_at"] is not None:
        missed = (
            f"; not shown by the read of {_minute(row['missed_at'])}, and this directory may show "
            "memberships late: it ends when the next read of the group misses it too"
        )
    return Because(
        fact=f"Member of the directory group {row['through'] or row['name']}{pushed}{missed}",
        source=row["connection"],
        run_id=row["run_id"],
        at=moment(row["added_at"]),
    )


def nested(row: Row) -> Because | None:
    """The nesting that carries a membership on to a higher group; None for a direct member."""
    if row["through"] is None:
        return None
    how = "is in" if row["nested_at"] else "is, by further groups, in"
    return Because(
        fact=f"The group {row['through']} {how} {row['name']}",
        source=row["connection"],
        run_id=row["nested_run_id"],
        at=moment(row["nested_at"]),
    )


def named_member(row: Row) -> Because:
    """A membership of somebody whom no directory has named as a person."""
    return Because(
        fact=f"The group {row['name']} names this id as a member; the directory has not named the person yet",
        source=row["connection"],
        run_id=row["run_id"],
        at=moment(row["added_at"]),
    )
