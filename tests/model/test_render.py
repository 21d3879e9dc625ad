"""A plan as people read it: text, Markdown and JSON over one object."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from sync.model.run import ItemState, PlanItem, PlanState, RunMode, StoredPlan, Verdict
from sync.plan import people_words
from sync.render import as_json, as_markdown, as_text

COUNTS = {
    "suspend": 2,
    "create": 10,
    "update": 1,
    "group_rename": 1,
    "member_add": 3,
    "member_remove": 0,
    "adopt": 0,
    "reactivate": 0,
    "group_create": 0,
    "group_delete": 0,
}


def _item(place: int, action: str, subject: str, reason: str, **said: Any) -> PlanItem:
    plain: dict[str, Any] = {"before": {}, "after": {}, "state": ItemState.PENDING, "count": 1}
    return PlanItem(
        seq=place, id=f"{place:012x}", action=action, subject=subject, reason=reason, **(plain | said)
    )


PLAN = StoredPlan(
    id="6aaaaaaaaaaaaaaa",
    run_id="6bbbbbbbbbbbbbbb",
    connection_id="6cccccccccccccc0",
    connection="acme",
    mode=RunMode.FULL,
    complete=True,
    verdict=Verdict.HELD,
    reasons=["2 people would be suspended; the limit is 1."],
    hash="0123456789abcdef0123456789abcdef",
    counts=COUNTS,
    state=PlanState.HELD,
    created_at=datetime(2026, 11, 24, 8, 0, tzinfo=UTC),
)
ITEMS = [
    _item(1, "suspend", "ann@example.com", "suspended at the directory (SUSPENDED)", state=ItemState.HELD),
    _item(
        2,
        "suspend",
        "bob@example.com",
        "not in the directory any more (looked up by id)",
        state=ItemState.HELD,
    ),
    _item(
        3,
        "group_rename",
        "Engineering",
        "renamed at the directory",
        before={"name": "Eng", "tag": "Group:Eng"},
        after={"name": "Engineering", "tag": "Group:Engineering"},
    ),
    *(_item(4 + n, "create", f"new{n}@example.com", "in the directory") for n in range(10)),
    _item(
        20,
        "update",
        "cy|d`[x](y)<b>@example.com",
        "the directory says otherwise",
        before={"first_name": None, "last_name": "Smith"},
        after={"first_name": "Cyd", "last_name": "Be\x1b[31mrg\nx"},
    ),
    _item(21, "record", "nobody@example.com", "noted: nothing changes for the user"),
    _item(22, "member_add", "Engineering", "a member at the directory", count=3),
]


@pytest.mark.golden
def test_a_plan_as_text(golden: Callable[[str, str], None]) -> None:
    """Signs, sentences, at most eight lines of a kind, ids to exclude by, and no control character."""
    text = as_text(PLAN, ITEMS)
    golden("plan.txt", text)
    assert "\x1b" not in text
    assert "nobody@example.com" not in text


@pytest.mark.golden
def test_a_plan_as_markdown(golden: Callable[[str, str], None]) -> None:
    """A table that no name can break out of."""
    golden("plan.md", as_markdown(PLAN, ITEMS))


@pytest.mark.golden
def test_a_plan_as_json(golden: Callable[[str, str], None]) -> None:
    """The contract's keys, every item, and none that nobody would notice."""
    golden("plan.json", orjson.dumps(as_json(PLAN, ITEMS), option=orjson.OPT_INDENT_2).decode() + "\n")


def test_every_item_can_be_shown() -> None:
    """Without a limit per kind all ten creations are lines."""
    assert as_text(PLAN, ITEMS, per_action=None).count("new") == 10


def test_nothing_to_do_is_said() -> None:
    """Counts of zero read as a sentence, not as an empty line."""
    assert people_words(dict.fromkeys(COUNTS, 0)) == "nothing to do"
