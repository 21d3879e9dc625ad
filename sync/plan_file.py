"""A plan as a file: written beside a pipeline, read by people, applied only while it is still true.

What is applied is the stored plan. The file names it and repeats what it says; a file that says
anything else than the stored plan is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from sync.approval import apply_plan
from sync.model.errors import Conflict, Misconfigured, NotFound
from sync.model.run import PlanItem, PlanState, Run, StoredPlan
from sync.render import as_json
from sync.store import plans
from sync.store.database import Conn

FORMAT: Final = "directory-connector plan, version 1"

LIVE: Final = (PlanState.PREVIEW, PlanState.HELD)
"""States of a plan that may still be applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFile:
    """What a plan file says: the plan it stands for, and the items as people read them."""

    plan_id: str
    connection_id: str
    connection: str
    hash: str
    items: Sequence[Mapping[str, Any]]


def write(plan: StoredPlan, items: Iterable[PlanItem]) -> bytes:
    """The file of a plan: JSON, bound to the plan, its connection and its checksum."""
    said = {"format": FORMAT, "connection_id": plan.connection_id, **as_json(plan, items)}
    return orjson.dumps(said, option=orjson.OPT_INDENT_2) + b"\n"


def read(data: bytes) -> PlanFile:
    """What the file says. Raises Misconfigured when it is no plan file."""
    try:
        said = orjson.loads(data)
        if said["format"] != FORMAT:
            raise Misconfigured(f"this plan file is of another kind ({said['format']}); write it again")
        texts = [said[name] for name in ("plan_id", "connection_id", "connection", "hash")]
        items = said["items"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise Misconfigured("this is no plan file; make one with: connector plan NAME --out FILE") from error
    if not all(isinstance(text, str) and text for text in texts) or not isinstance(items, list):
        raise Misconfigured("this plan file is damaged; make one with: connector plan NAME --out FILE")
    plan_id, connection_id, connection, checksum = texts
    return PlanFile(
        plan_id=plan_id, connection_id=connection_id, connection=connection, hash=checksum, items=items
    )


def apply_file(
    conn: Conn,
    document: PlanFile,
    *,
    expect_hash: str | None = None,
    exclude: Sequence[str] = (),
    yes: bool = False,
    by: str,
    now: datetime,
) -> Run:
    """Queue the run that carries the file's plan out (see ``sync.approval.apply_plan``).

    When that plan was overtaken by a newer one with the same checksum, the newer one is meant.
    Raises Conflict when the plan is gone, says something else, or is no longer true.
    """
    plan = _meant(conn, document)
    if plan.connection_id != document.connection_id or plan.hash != document.hash:
        raise Conflict(
            f"the file has the hash {document.hash}, and plan {plan.id} of {plan.connection} has "
            f"{plan.hash}: they are not the same plan; make a new one"
        )
    if _said(document.items) != _said(as_json(plan, plans.items(conn, plan.id))["items"]):
        raise Conflict(
            f"the file does not say what plan {plan.id} says; to leave an item out, keep the file as it is "
            "and name the item with --exclude"
        )
    return apply_plan(conn, plan.id, expect_hash=expect_hash, exclude=exclude, yes=yes, by=by, now=now)


def _meant(conn: Conn, document: PlanFile) -> StoredPlan:
    """The named plan; when it is over or gone, the newest live one that says exactly the same."""
    try:
        named = plans.get(conn, document.plan_id)
    except NotFound:
        named = None
    if named is not None and named.state in LIVE and plans.read_since(conn, named) is None:
        return named
    live = plans.listed(conn, connection_id=document.connection_id, states=LIVE)
    same = next((plan for plan in live if plan.hash == document.hash), named)
    if same is None:
        raise Conflict(f"plan {document.plan_id} is not stored any more; make a new one")
    return same


def _said(items: Iterable[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    names = ("id", "action", "subject", "before", "after", "count")
    return sorted(tuple(repr(item.get(name)) for name in names) for item in items)
