"""What waits for a person: open questions about who is who, and freezes of removals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connector.usecases import shapes
from connector.usecases.audit import note
from connector.usecases.wires import Wires
from sync.model.errors import Conflict, Misconfigured, NotFound, Refused
from sync.model.freeze import Freeze
from sync.store import attention as store
from sync.store import connections, freezes, people
from sync.store.database import Conn
from sync.store.text import from_json


class Attention:
    """Questions that no rule may answer."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    def listed(self, ref: str | None = None, *, kind: str | None = None) -> list[dict[str, Any]]:
        """Every open question, oldest first."""
        with self._wires.database.read() as conn:
            connection_id = connections.find(conn, ref).id if ref else None
            return [dict(row) for row in store.listed(conn, connection_id=connection_id, kind=kind)]

    def page(
        self,
        ref: str | None = None,
        *,
        kind: str | None = None,
        search: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> dict[str, Any]:
        """``{"attention", "kinds", "total", "next"}``: open questions, and how many each kind has."""
        with self._wires.database.read() as conn:
            connection_id = connections.find(conn, ref).id if ref else None
            kinds = store.counts(conn, connection_id=connection_id, search=search)
            wanted: dict[str, Any] = {"connection_id": connection_id, "kind": kind, "search": search}
            rows = store.listed(conn, **wanted, after=after, limit=limit)
            meant = {row["id"]: from_json(row["detail"]).get("user_ids", []) for row in rows}
            emails = people.emails(conn, {each for ids in meant.values() for each in ids})
        found = [
            _answerable(row) | {"accounts": [{"id": id, "email": emails.get(id)} for id in meant[row["id"]]]}
            for row in rows
        ]
        return {
            "attention": found,
            "kinds": kinds,
            "total": sum(kinds.values()) if kind is None else kinds.get(kind, 0),
            "next": found[-1]["id"] if len(found) == limit else None,
        }

    def resolve_many(self, ids: Sequence[str], how: str, *, by: str) -> dict[str, Any]:
        """Answer several questions alike, each by itself; ``summary`` says in one line how that went."""
        resolved, refused = [], []
        for each in ids:
            try:
                resolved.append({"id": each, "as": how, "done": self.resolve(each, how, by=by)})
            except (Conflict, Misconfigured, NotFound, Refused) as error:
                refused.append({"id": each, "why": error.message})
        summary = f"{len(resolved)} answered" + (
            f", {len(refused)} not: {refused[0]['why']}" if refused else ""
        )
        return {"resolved": resolved, "refused": refused, "well": not refused, "summary": summary}

    def resolve(self, attention_id: str, how: str, *, by: str, user_ref: str | None = None) -> str | None:
        """Remember a person's answer (link, separate, ignore) and act on it; what was done, if anything."""
        from sync.resolution import resolve

        with self._wires.database.write() as conn:
            question = store.get(conn, attention_id)
            connection = connections.get(conn, question["connection_id"])
            policy = self._wires.policy_of(connection)
            now = self._wires.clock()
            done = resolve(conn, connection, policy, attention_id, how=how, user_ref=user_ref, by=by, now=now)
            note(
                conn,
                "attention.resolve",
                now=now,
                kind="attention",
                id=attention_id,
                label=question["label"],
                connection_id=connection.id,
                before={"kind": question["kind"], "why": question["why"]},
                after={"as": how, "user": user_ref, "done": None if done is None else str(done)},
                by=by,
            )
        return None if done is None else str(done)


def _answerable(row: Mapping[str, Any]) -> dict[str, Any]:
    """A question with the answers that it takes."""
    from sync.resolution import ANSWERS

    return {**row, "answers": list(ANSWERS.get(row["kind"], ("ignore",)))}


class Freezes:
    """Times in which nothing is removed."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    def on(self, ref: str | None, *, until: datetime | None, by: str, reason: str) -> dict[str, Any]:
        """Hold every removal of the connection (None: of all) from now on. Raises Misconfigured."""
        now = self._wires.clock()
        with self._wires.database.write() as conn:
            connection_id = connections.find(conn, ref).id if ref else None
            made = freezes.freeze(
                conn, connection_id=connection_id, until=until, by=by, reason=reason, now=now
            )
            names = {each.id: each.name for each in connections.listed(conn)}
            said = _shape(made, names)
            self._note(conn, "freeze.on", connection_id, names, by=by, after=said)
        return said

    def off(self, ref: str | None, *, by: str) -> bool:
        """End the freeze of this scope; False when there was none."""
        with self._wires.database.write() as conn:
            connection_id = connections.find(conn, ref).id if ref else None
            ended = freezes.thaw(conn, connection_id=connection_id, by=by, now=self._wires.clock())
            if ended:
                names = {each.id: each.name for each in connections.listed(conn)}
                self._note(conn, "freeze.off", connection_id, names, by=by)
        return ended

    def _note(
        self,
        conn: Conn,
        action: str,
        connection_id: str | None,
        names: Mapping[str, str],
        *,
        by: str,
        after: dict[str, Any] | None = None,
    ) -> None:
        note(
            conn,
            action,
            now=self._wires.clock(),
            kind="freeze",
            id=connection_id or "",
            label=names.get(connection_id or "", "every connection"),
            connection_id=connection_id,
            after=after,
            by=by,
        )

    def listed(self) -> list[dict[str, Any]]:
        with self._wires.database.read() as conn:
            names = {each.id: each.name for each in connections.listed(conn)}
            return [_shape(each, names) for each in freezes.listed(conn, self._wires.clock())]


def _shape(freeze: Freeze, names: Mapping[str, str]) -> dict[str, Any]:
    """A freeze as it is shown; ``connection`` None stands for every connection."""
    return {
        "connection": names.get(freeze.connection_id or ""),
        "until": shapes.at(freeze.until),
        "since": shapes.at(freeze.since),
        "by": freeze.by,
        "reason": freeze.reason,
    }
