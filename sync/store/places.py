"""Where a run's full read was last, kept with the pages it covers, and whether the run went on from there."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection as Conn

from sync.model.run import Place
from sync.store.schema import run
from sync.store.text import from_json, to_json
from sync.store.times import from_text, to_text


def of(conn: Conn, run_id: str) -> Place | None:
    """Where the run's read was; None when it never said, or has ended."""
    row = from_json(conn.scalar(sa.select(run.c.place).where(run.c.id == run_id)) or "null")
    if row is None:
        return None
    return Place(
        text=row["text"], at=from_text(row["at"]), began_at=from_text(row["began_at"]), terms=row["terms"]
    )


def keep(conn: Conn, run_id: str, place: Place) -> None:
    """The read is here now: call it in the transaction that stages what came before."""
    row = {"text": place.text, "at": to_text(place.at), "began_at": to_text(place.began_at)}
    _set(conn, run_id, place=to_json(row | {"terms": place.terms}))


def note(conn: Conn, run_id: str, *, resumed: bool) -> None:
    """Whether the read goes on from its place; one that begins anew has none."""
    _set(conn, run_id, resumed=resumed, **({} if resumed else {"place": None}))


def forget(conn: Conn, run_id: str) -> None:
    """The read is over."""
    _set(conn, run_id, place=None)


def _set(conn: Conn, run_id: str, **values: object) -> None:
    conn.execute(sa.update(run).where(run.c.id == run_id).values(values))
