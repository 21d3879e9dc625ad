"""Whose changes are written, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sync.model.change import Action, Change
from sync.model.connection import Connection

Row = Mapping[str, Any]


USER_FIELDS = ("email", "first_name", "last_name", "picture_url", "active")
"""The columns of a user that a directory may own."""

LINKING = frozenset({Action.CREATE, Action.ADOPT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Whose changes these are. ``at`` is ISO text in UTC; ``origin`` is "pull" or "push"."""

    connection: Connection
    at: str
    actor: str
    origin: str
    run_id: str | None = None


@dataclass(slots=True)
class Applied:
    """What became of a batch: ``done`` and ``unchanged`` and ``stale``, each in the order given.

    ``written`` holds columns as they are now, by the id of the directory user or group. ``moved`` are
    directory users whose memberships began or ended along with a change of the person.
    """

    done: list[Change] = field(default_factory=list)
    unchanged: list[Change] = field(default_factory=list)
    stale: list[tuple[Change, str]] = field(default_factory=list)
    written: dict[str, Row] = field(default_factory=dict)
    moved: set[str] = field(default_factory=set)


def external_id_of(change: Change) -> str:
    """The IdP's id in the change's record, "" when it names none."""
    return change.record.external_id if change.record is not None else ""


def origin_after(before: Row, context: Context) -> str:
    """By which ways a row has reached us, this write included: pull, push or both."""
    return context.origin if before.get("origin", context.origin) == context.origin else "both"


def put_back(row: Row, former: Row, context: Context) -> dict[str, Any]:
    """The row with its former values; without a fingerprint, so that the next read looks at it anew."""
    columns = {name: value for name, value in row.items() if name not in ("seq", "absent_at", "absent_since")}
    settled = {"fingerprint": None, "version": row["version"] + 1, "updated_at": context.at}
    return columns | dict(former) | settled
