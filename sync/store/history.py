"""Reading what was applied: to whom, by which run, why, with the values before and after."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Subquery,
    Table,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy import Connection as Conn

from sync.store import schema
from sync.store.fold import contains
from sync.store.prepared import Prepared
from sync.store.text import chunks, from_json
from sync.store.times import from_text, to_text

_HISTORY = schema.history
_OF_USER: Final = (
    select(_HISTORY).where(_HISTORY.c.user_id == bindparam("key")).order_by(_HISTORY.c.seq.desc())
)
_OF_SUBJECT: Final = (
    select(_HISTORY).where(_HISTORY.c.subject_id == bindparam("key")).order_by(_HISTORY.c.seq.desc())
)
_OF_RUN: Final = select(_HISTORY).where(_HISTORY.c.run_id == bindparam("key")).order_by(_HISTORY.c.seq)

_SUSPENDED: Final = Prepared(
    select(func.count().label("number")).where(
        _HISTORY.c.connection_id == bindparam("of"),
        _HISTORY.c.action == literal_column("'suspend'"),
        _HISTORY.c.at >= bindparam("since"),
        _HISTORY.c.run_id.is_(None),
    )
)


LOOKED_THROUGH: Final = 2000
_HARMLESS_ACTIONS: Final = (
    "update", "group_create", "group_rename", "group_delete", "member_add", "member_remove"
)  # fmt: skip
_HARMLESS_EVENTS: Final = (
    "user.updated", "group.created", "group.renamed", "group.deleted", "group.members_added",
    "group.members_removed", "run.succeeded", "run.held", "run.partial", "run.cancelled", "run.failed",
    "notice.raised",
)  # fmt: skip
"""What changes no account's being there, access or link."""


class Change(NamedTuple):
    """What was applied, without its values; ``number`` is how many it was of one kind, as of members."""

    at: str
    connection_id: str | None
    run_id: str | None
    action: str
    label: str
    reason: str
    number: int


def of_user(conn: Conn, user_id: str, limit: int | None = None) -> list[dict[str, Any]]:
    """What happened to a user, newest first; ``before``, ``after`` and ``undo`` are decoded."""
    return _rows(conn, _OF_USER.limit(limit), user_id)


def of_subject(conn: Conn, subject_id: str, limit: int | None = None) -> list[dict[str, Any]]:
    """What happened to a directory user or a group, newest first."""
    return _rows(conn, _OF_SUBJECT.limit(limit), subject_id)


def of_run(
    conn: Conn,
    run_id: str,
    *,
    search: str | None = None,
    action: str | None = None,
    after: int = 0,
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """What a run applied, in order; ``search`` is part of a label, ``after`` is the last ``seq`` seen."""
    statement = _OF_RUN.where(_HISTORY.c.seq > after)
    if action is not None:
        statement = statement.where(_HISTORY.c.action == action)
    if search:
        statement = statement.where(contains(_HISTORY.c.label, search))
    return _rows(conn, statement.limit(limit), run_id)


def newest(conn: Conn, *, limit: int) -> list[Change]:
    """The last changes of anything, newest first; what nobody would notice is left out."""
    columns = (_HISTORY.c.count if name == "number" else _HISTORY.c[name] for name in Change._fields)
    statement = select(*columns).where(_HISTORY.c.action != "record").order_by(_HISTORY.c.seq.desc())
    return [Change(*row) for row in conn.execute(statement.limit(limit))]


class Mark(NamedTuple):
    """Where history and the events stand: another mark means that something changed."""

    change: int
    event: int

    def covers(self, other: Mark) -> bool:
        """Whether it is no earlier than the other."""
        return self.change >= other.change and self.event >= other.event


def last(conn: Conn) -> Mark:
    """The mark of now."""
    newest = (select(func.max(table.c.seq)) for table in (_HISTORY, schema.outbox))
    change, event = (int(conn.scalar(each) or 0) for each in newest)
    return Mark(change, event)


def touches_people(conn: Conn, since: Mark) -> bool:
    """Whether something behind the mark may have changed who has an account, a link or access.

    Of more than ``LOOKED_THROUGH`` changes that is taken for granted.
    """
    return any(
        conn.execute(select(rows.c.seq).where(rows.c.what.not_in(harmless)).limit(1)).first() is not None
        or (conn.scalar(select(func.count()).select_from(rows)) or 0) == LOOKED_THROUGH
        for rows, harmless in (
            (_behind(_HISTORY.c.action, _HISTORY, since.change), _HARMLESS_ACTIONS),
            (_behind(schema.outbox.c.type, schema.outbox, since.event), _HARMLESS_EVENTS),
        )
    )


def _behind(what: ColumnElement[Any], table: Table, seq: int) -> Subquery:
    return (
        select(table.c.seq, what.label("what"))
        .where(table.c.seq > seq)
        .order_by(table.c.seq)
        .limit(LOOKED_THROUGH)
        .subquery()
    )


def per_day(conn: Conn, begin: int, end: int | None = None) -> dict[tuple[str, str], int]:
    """Changes by day (2026-11-25) and action with a number in ``[begin, end)``; members count one by one."""
    day = func.substr(_HISTORY.c.at, 1, 10)
    query = (
        select(day, _HISTORY.c.action, func.sum(_HISTORY.c.count))
        .where(_HISTORY.c.seq >= begin, _HISTORY.c.action != "record")
        .group_by(day, _HISTORY.c.action)
    )
    rows = conn.execute(query if end is None else query.where(_HISTORY.c.seq < end))
    return {(each, action): int(count) for each, action, count in rows}


def tally(conn: Conn, *, after: int, until: int | None = None) -> dict[tuple[str, str], int]:
    """Changes with a number in ``(after, until]`` by action and way: pull, push or hand."""
    by_run, by_connection = _HISTORY.c.run_id.is_not(None), _HISTORY.c.connection_id.is_not(None)
    way = case((by_run, "pull"), (by_connection, "push"), else_="hand")
    query = (
        select(_HISTORY.c.action, way, func.sum(_HISTORY.c.count))
        .where(_between(after, until), _HISTORY.c.action != "record")
        .group_by(_HISTORY.c.action, way)
    )
    return {(action, how): int(count) for action, how, count in conn.execute(query)}


def leaver_spans(conn: Conn, *, after: int, until: int | None = None) -> list[float]:
    """For each suspension by a run the seconds since the read began whose plan it stood in."""
    run, plan, maker = schema.run, schema.plan, schema.run.alias("maker")
    query = (
        select(_HISTORY.c.at, func.coalesce(maker.c.started_at, run.c.started_at))
        .join(run, run.c.id == _HISTORY.c.run_id)
        .outerjoin(plan, plan.c.id == run.c.plan_id)
        .outerjoin(maker, maker.c.id == plan.c.run_id)
        .where(_between(after, until), _HISTORY.c.action == "suspend", run.c.mode != "revert")
    )
    spans = [from_text(ended) - from_text(began) for ended, began in conn.execute(query)]
    return [max(0.0, span.total_seconds()) for span in spans]


def _between(after: int, until: int | None) -> ColumnElement[bool]:
    above = _HISTORY.c.seq > after
    return above if until is None else above & (_HISTORY.c.seq <= until)


def first_since(conn: Conn, since: datetime) -> int:
    """The first ``seq`` of that time or later, found by halves: rows rise in time, and no index tells it."""
    at = to_text(since)
    low, high = 0, int(conn.scalar(select(func.max(_HISTORY.c.seq))) or 0) + 1
    while low < high:
        middle = (low + high) // 2
        query = select(_HISTORY.c.at).where(_HISTORY.c.seq >= middle).order_by(_HISTORY.c.seq).limit(1)
        found = conn.scalar(query)
        if found is None or found >= at:
            high = middle
        else:
            low = middle + 1
    return low


def suspensions_pushed(conn: Conn, connection_id: str, since: datetime) -> int:
    """How many people this connection's pushes suspended since then."""
    return int(_SUSPENDED.all(conn, of=connection_id, since=to_text(since))[0].number)


def later(
    conn: Conn, subject_ids: Iterable[str], *, after: int, run_id: str
) -> dict[str, tuple[str, str, str]]:
    """(action, time, actor) of the newest change that others than the run made since, by subject."""
    found: dict[str, tuple[str, str, str]] = {}
    for part in chunks(subject_ids):
        query = (
            select(_HISTORY.c.subject_id, _HISTORY.c.action, _HISTORY.c.at, _HISTORY.c.actor)
            .where(
                _HISTORY.c.subject_id.in_(part),
                _HISTORY.c.seq > after,
                _HISTORY.c.action != "record",
                or_(_HISTORY.c.run_id.is_(None), _HISTORY.c.run_id != run_id),
            )
            .order_by(_HISTORY.c.seq)
        )
        found.update((subject, (action, at, actor)) for subject, action, at, actor in conn.execute(query))
    return found


def changed_since(conn: Conn, subject_ids: Iterable[str], since: datetime) -> set[str]:
    """Which of these directory users and groups anybody changed after that time."""
    found: set[str] = set()
    for part in chunks(subject_ids):
        query = select(_HISTORY.c.subject_id).where(
            _HISTORY.c.subject_id.in_(part), _HISTORY.c.at > to_text(since), _HISTORY.c.action != "record"
        )
        found.update(conn.scalars(query))
    return found


def _rows(conn: Conn, statement: Select[Any], key: str) -> list[dict[str, Any]]:
    return [_row(row) for row in conn.execute(statement, {"key": key})]


def _row(row: Row[Any]) -> dict[str, Any]:
    decoded = {"before": from_json(row.before), "after": from_json(row.after)}
    decoded["undo"] = None if row.undo is None else from_json(row.undo)
    return row._asdict() | decoded
