"""History and events, written in the transaction of the change they speak of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sync import event
from sync.apply.context import USER_FIELDS, Context
from sync.model.change import Change
from sync.store import writes
from sync.store.database import Conn
from sync.store.ids import new_ids
from sync.store.text import from_json, to_json

Row = Mapping[str, Any]


def tell(
    conn: Conn,
    changes: Sequence[Change],
    after: Mapping[str, Row],
    context: Context,
    kept: Sequence[Any],
    *,
    members: Sequence[Sequence[Row]] = (),
) -> None:
    """History for every change, an event for each that somebody outside can notice.

    ``kept`` goes with the changes, one by one, where a run could be taken back; else it is empty.
    ``members`` goes with changes of members: who came or left, as somebody outside knows them.
    """
    undos = kept or [None] * len(changes)
    writes.insert_history(
        conn, [_history_row(change, context, keep) for change, keep in zip(changes, undos, strict=True)]
    )
    tell_events(conn, changes, after, context, members)


def tell_events(
    conn: Conn,
    changes: Sequence[Change],
    after: Mapping[str, Row],
    context: Context,
    members: Sequence[Sequence[Row]] = (),
) -> None:
    """An event for each change that somebody outside can notice."""
    whole = members or [()] * len(changes)
    told = [pair for pair in zip(changes, whole, strict=True) if pair[0].action in event.TYPES]
    named = {"id": context.connection.id, "name": context.connection.name}
    rows = []
    for (change, who), event_id in zip(told, new_ids(len(told)), strict=True):
        subject_id = change.subject.user_id if change.subject.kind == "user" else change.subject.id
        rows.append(
            {
                "id": event_id,
                "type": event.TYPES[change.action],
                "occurred_at": context.at,
                "connection_id": context.connection.id,
                "run_id": context.run_id,
                "subject_id": subject_id,
                "body": to_json(
                    event.body(
                        change,
                        event_id=event_id,
                        at=context.at,
                        connection=named,
                        run_id=context.run_id,
                        actor=context.actor,
                        snapshot=_snapshot(change, after.get(subject_id or ""), who),
                    )
                ),
            }
        )
    writes.insert_events(conn, rows)


def announce(conn: Conn, event_type: str, said: Mapping[str, Any], context: Context) -> None:
    """An event about something that is no change: a run's end, a held plan, seats running out."""
    named = (context.connection.id, context.connection.name)
    told = {"run": context.run_id, "actor": context.actor, **said}
    proclaim(conn, event_type, told, at=context.at, connection=named, run_id=context.run_id)


def proclaim(
    conn: Conn,
    event_type: str,
    said: Mapping[str, Any],
    *,
    at: str,
    connection: tuple[str, str] | None,
    run_id: str | None = None,
) -> None:
    """An event that needs no connection; where it is about one, that is named by id and name."""
    event_id = new_ids(1)[0]
    named = None if connection is None else {"id": connection[0], "name": connection[1]}
    body = {"id": event_id, "type": event_type, "occurred_at": at, "connection": named, **said}
    row = {
        "id": event_id,
        "type": event_type,
        "occurred_at": at,
        "connection_id": None if connection is None else connection[0],
        "run_id": run_id,
        "subject_id": None,
        "body": to_json(body),
    }
    writes.insert_events(conn, [row])


def _snapshot(change: Change, row: Row | None, members: Sequence[Row]) -> dict[str, Any]:
    if members:
        return {"members": members}
    if row is None:
        return {}
    names = ("id", *USER_FIELDS) if change.subject.kind == "user" else ("id", "name", "tag", "external_id")
    further = {"extra": from_json(row["extra"])} if row.get("extra") else {}
    return {name: row[name] for name in names} | further


def _history_row(change: Change, context: Context, kept: Any) -> dict[str, Any]:
    after = dict(change.after)
    if change.members:
        after["members"] = list(change.members)
    return {
        "at": context.at,
        "connection_id": context.connection.id,
        "run_id": context.run_id,
        "actor": context.actor,
        "action": change.action.value,
        "kind": change.subject.kind,
        "subject_id": change.subject.id,
        "user_id": change.subject.user_id,
        "label": change.subject.label,
        "reason": change.reason,
        "rule": change.rule,
        "count": change.count,
        "before": to_json(dict(change.before)),
        "after": to_json(after),
        "undo": None if kept is None else to_json(kept),
    }
