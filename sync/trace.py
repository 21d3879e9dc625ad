"""What a run about named people and groups found of each of them, step by step, for people to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sync.diff import Decision
from sync.match import Match, Situation
from sync.model.change import Action, Change
from sync.model.resources import Status, UserRecord
from sync.model.run import Target

DIRECTORY: Final = "directory"
SCOPE: Final = "scope"
MATCH: Final = "match"
DIFF: Final = "diff"
ACTION: Final = "action"

_GONE: Final = "gone: it does not exist (any more), or lies outside the connection's scope"


class Trace:
    """The steps of each named subject; about anybody else nothing is kept."""

    def __init__(self, target: Target) -> None:
        named = [("user", each) for each in sorted(target.users)]
        named += [("group", each) for each in sorted(target.groups)]
        self._steps: dict[tuple[str, str], list[dict[str, str]]] = {each: [] for each in named}
        self._labels: dict[tuple[str, str], str] = {}

    def __bool__(self) -> bool:
        return bool(self._steps)

    def say(self, kind: str, external_id: str, step: str, said: str, *, label: str = "") -> None:
        """Note one step; ``label`` is what people call the subject."""
        steps = self._steps.get((kind, external_id))
        if steps is not None:
            steps.append({"step": step, "said": said})
            if label:
                self._labels[kind, external_id] = label

    def found(self, record: UserRecord) -> None:
        """A person whom the directory has."""
        said = f"found: {record.status.value} ({record.status_text or record.status.value})"
        label = record.email or record.user_name or record.external_id
        self.say("user", record.external_id, DIRECTORY, said, label=label)
        self.say("user", record.external_id, SCOPE, "inside the connection's scope")

    def gone(self, kind: str, external_id: str) -> None:
        """Somebody or something that the directory says is not there."""
        self.say(kind, external_id, DIRECTORY, _GONE)

    def decided(self, record: UserRecord, found: Match, decision: Decision) -> None:
        """What matching and comparing came to for a person."""
        steps = self._steps.get(("user", record.external_id))
        if steps is None:
            return
        if not steps:
            self.found(record)
        self.say("user", record.external_id, MATCH, _match_words(found), label=_label(found))
        change = decision.change
        self.say("user", record.external_id, DIFF, _diff_words(change))
        self.say("user", record.external_id, ACTION, _action_words(record, decision))

    def changed(self, change: Change | None) -> None:
        """What a group's record or its members ask for."""
        if change is None or change.subject.external_id is None:
            return
        group, action = change.subject.external_id, change.action
        moves = action in (Action.MEMBER_ADD, Action.MEMBER_REMOVE)
        said = f"{change.count:,} members" if moves else _diff_words(change)
        if change.count:
            self.say("group", group, DIFF, said, label=change.subject.label)
            self.say("group", group, ACTION, f"{action.value}: {change.reason}")

    def rows(self) -> list[dict[str, Any]]:
        """Every named subject with its steps, as JSON can hold it."""
        return [
            {
                "kind": kind,
                "external_id": external_id,
                "label": self._labels.get((kind, external_id), ""),
                "steps": _ended(steps),
            }
            for (kind, external_id), steps in self._steps.items()
        ]


def _ended(steps: list[dict[str, str]]) -> list[dict[str, str]]:
    if not steps:
        return [{"step": DIRECTORY, "said": "could not be read: nothing is known of it"}]
    acted = any(step["step"] == ACTION for step in steps)
    return steps if acted else [*steps, {"step": ACTION, "said": "nothing to do"}]


def _label(found: Match) -> str:
    return (found.user.email or "") if found.user else ""


def _match_words(found: Match) -> str:
    rule = f" (by {found.rule})" if found.rule else ""
    if found.situation is Situation.DISPUTED:
        return f"disputed: {found.why}"
    if found.situation is Situation.UNMATCHED or found.user is None:
        return f"nobody here yet{rule}"
    whom = found.user.email or found.user.id
    return f"{'linked to' if found.situation is Situation.LINKED else 'is'} {whom}{rule}"


def _diff_words(change: Change | None) -> str:
    if change is None or not change.after:
        return "nothing differs"
    return ", ".join(
        f"{name} {_value(change.before, name)} → {_value(change.after, name)}" for name in change.after
    )


def _value(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return "—" if value is None else f"“{value}”"


def _action_words(record: UserRecord, decision: Decision) -> str:
    words = []
    if decision.change is not None:
        words.append(f"{decision.change.action.value}: {decision.change.reason}")
    if decision.attention is not None:
        words.append(f"waits for a person ({decision.attention.kind}): {decision.attention.why}")
    if words:
        return "; ".join(words)
    return "nothing to do" if record.status is not Status.GONE else "nothing to do: nobody here is meant"
