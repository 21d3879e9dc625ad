"""A stored plan as people and scripts read it: text, Markdown and JSON over the same object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sync.model.change import Action
from sync.model.run import ItemState, PlanItem, StoredPlan, Verdict
from sync.plan import people_words

SIGNS: Final = {
    Action.SUSPEND: "-",
    Action.RELEASE: "-",
    Action.GROUP_DELETE: "-",
    Action.MEMBER_REMOVE: "-",
    Action.CREATE: "+",
    Action.GROUP_CREATE: "+",
    Action.MEMBER_ADD: "+",
    Action.ADOPT: "+",
    Action.REACTIVATE: "+",
    Action.UPDATE: "~",
    Action.GROUP_RENAME: "~",
}
"""What a line begins with: taken away, given, changed. RECORD has no line: nobody notices it."""

HEADLINES: Final = {
    Verdict.PROCEED: "Nothing stands against it.",
    Verdict.HELD: "Held: a person must look at it.",
    Verdict.INCONSISTENT: "Inconsistent: nothing is removed.",
    Verdict.PARTIAL: "Partial: nothing is removed.",
}

_TO_DO: Final = {
    Action.GROUP_CREATE: "groups to create",
    Action.GROUP_RENAME: "groups to rename",
    Action.GROUP_DELETE: "groups to delete",
    Action.MEMBER_ADD: "groups to add members to",
    Action.MEMBER_REMOVE: "groups to take members out of",
}

PER_ACTION: Final = 8
"""Lines shown of one kind before the rest is counted."""

_WIDTH: Final = 42


def as_text(plan: StoredPlan, items: Iterable[PlanItem], *, per_action: int | None = PER_ACTION) -> str:
    """The plan as a page of text; ``per_action`` None shows every item."""
    read = "complete" if plan.complete else "incomplete"
    lines = [
        f"Plan {plan.id} for {plan.connection} ({plan.mode.value} read, {read})",
        f"  {HEADLINES[plan.verdict]}",
        *(f"  ! {reason}" for reason in plan.reasons),
        f"  {people_words(plan.counts)}",
        f"  hash {plan.hash}",
    ]
    for action, listed in _by_action(items):
        lines.append("")
        shown = listed if per_action is None else listed[:per_action]
        lines += [_line(action, item) for item in shown]
        if len(shown) < len(listed):
            lines.append(f"    … and {len(listed) - len(shown):,} more {_TO_DO.get(action, f'to {action}')}")
    return "\n".join(lines)


def as_markdown(plan: StoredPlan, items: Iterable[PlanItem]) -> str:
    """The plan as Markdown, for a comment or a ticket."""
    lines = [
        f"## Plan `{plan.id}` for {_cell(plan.connection)}",
        "",
        f"**{HEADLINES[plan.verdict]}** {people_words(plan.counts).capitalize()}.",
        "",
        *(f"- {_cell(reason)}" for reason in plan.reasons),
        "",
        f"Hash: `{plan.hash}`",
        "",
        "| | action | who or what | change | why |",
        "|---|---|---|---|---|",
    ]
    for action, listed in _by_action(items):
        lines += [_row(action, item) for item in listed]
    return "\n".join(lines)


def as_json(plan: StoredPlan, items: Iterable[PlanItem]) -> dict[str, Any]:
    """The plan by the JSON contract; changes that nobody would notice are left out."""
    return {
        "plan_id": plan.id,
        "run_id": plan.run_id,
        "connection": plan.connection,
        "mode": plan.mode.value,
        "complete": plan.complete,
        "verdict": plan.verdict.value,
        "state": plan.state.value,
        "reasons": list(plan.reasons),
        "hash": plan.hash,
        "counts": dict(plan.counts),
        "created_at": plan.created_at.isoformat(),
        "decided_by": plan.decided_by,
        "decided_at": plan.decided_at.isoformat() if plan.decided_at else None,
        "comment": plan.comment,
        "items": [item_json(item) for item in items if _noticed(item)],
    }


def item_json(item: PlanItem) -> dict[str, Any]:
    """One item by the JSON contract."""
    return {
        "id": item.id,
        "action": item.action,
        "subject": item.subject,
        "reason": item.reason,
        "before": dict(item.before),
        "after": dict(item.after),
        "count": item.count,
        "state": item.state.value,
    }


def _noticed(item: PlanItem) -> bool:
    return item.action != Action.RECORD and item.count > 0


def _by_action(items: Iterable[PlanItem]) -> Sequence[tuple[Action, list[PlanItem]]]:
    """Items by action, in the order of a plan."""
    found: dict[Action, list[PlanItem]] = {action: [] for action in Action}
    for item in items:
        if _noticed(item):
            found[Action(item.action)].append(item)
    return [(action, listed) for action, listed in found.items() if listed]


def _line(action: Action, item: PlanItem) -> str:
    said = "; ".join(text for text in (_difference(item), item.reason) if text)
    state = "" if item.state in (ItemState.PENDING, ItemState.APPLIED) else f" [{item.state.value}]"
    return plain(f"  {SIGNS[action]} {action.value:<13} {item.subject:<{_WIDTH}} {said}{state}  ({item.id})")


def plain(text: str) -> str:
    """Text that cannot move the cursor or colour the screen: a name is data, not a command."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _row(action: Action, item: PlanItem) -> str:
    cells = (SIGNS[action], action.value, item.subject, _difference(item), item.reason)
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _difference(item: PlanItem) -> str:
    """What changes, in a few words: only the fields that differ."""
    if item.action in (Action.MEMBER_ADD, Action.MEMBER_REMOVE):
        return f"{item.count:,} member{'s' if item.count != 1 else ''}"
    if item.action in (Action.CREATE, Action.GROUP_CREATE, Action.GROUP_DELETE, Action.SUSPEND):
        return ""
    names = [name for name in item.after if name != "active"]
    return ", ".join(f"{name} {_value(item.before, name)} → {_value(item.after, name)}" for name in names)


def _value(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return "—" if value is None else f"“{value}”"


def _cell(text: str) -> str:
    """Text that cannot break out of a Markdown table or become markup."""
    escaped = plain(text.replace("\n", " ")).replace("\\", "\\\\").replace("|", "\\|")
    return escaped.replace("<", "&lt;").replace("[", "\\[").replace("`", "'")
