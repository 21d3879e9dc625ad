"""Users, groups, seats and events: what the application has, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from connector.usecases.audit import note
from connector.usecases.event_types import expanded
from connector.usecases.wires import Wires
from sync.store import connections, groups, headcount, outbox, people, roster, waiting
from sync.store.database import Conn

if TYPE_CHECKING:
    from sync.explanation import Explanation

PAGE = 500

SHOWN_WAITING = 50
"""People named who wait for a seat; the number counts them all."""


class People:
    """Reads of users and groups, and accounts made by hand."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    def users(self, *, connection: str | None = None, **wanted: Any) -> dict[str, Any]:
        """``{"users", "total", "next"}``; ``wanted`` as ``roster.users`` takes it."""
        with self._wires.database.read() as conn:
            connection_id = connections.find(conn, connection).id if connection else None
            rows, total = roster.users(conn, connection_id=connection_id, **wanted)
        more = len(rows) == wanted.get("limit", 100)
        return {"users": rows, "total": total, "next": rows[-1]["id"] if rows and more else None}

    def every_user(self, **wanted: Any) -> dict[str, Any]:
        """All users that fit, whatever their number."""
        rows, after = [], None
        while True:
            page = self.users(limit=PAGE, after=after, **wanted)
            rows += page["users"]
            after = page["next"]
            if after is None:
                return {"users": rows, "total": page["total"]}

    def user(self, ref: str) -> dict[str, Any]:
        with self._wires.database.read() as conn:
            return people.user(conn, ref)

    def explain(self, ref: str) -> Explanation:
        """Why a person is as they are, each fact with where it comes from."""
        from sync.explain import explain

        with self._wires.database.read() as conn:
            return explain(conn, ref)

    def protect(self, ref: str, *, protected: bool, by: str) -> dict[str, Any]:
        """Keep an account from every removal, or end that."""
        from sync.accounts import protect

        with self._wires.database.write() as conn:
            before = people.user(conn, ref)
            after = protect(conn, before["id"], protected=protected, by=by, now=self._wires.clock())
            action = "users.protect" if protected else "users.unprotect"
            self._note(conn, action, before, {"protected": after.protected}, by=by)
        return self.user(before["id"])

    def suspend(self, ref: str, *, by: str, reason: str = "") -> dict[str, Any]:
        """Take access away by hand; no run gives it back. Raises Refused for the last admin."""
        from sync.accounts import suspend

        with self._wires.database.write() as conn:
            before = people.user(conn, ref)
            suspend(conn, before["id"], by=by, reason=reason, now=self._wires.clock())
            said = {"active": False, "suspended_by_hand": True, "reason": reason}
            self._note(conn, "users.suspend", before, said, by=by)
        return self.user(before["id"])

    def reactivate(self, ref: str, *, by: str, reason: str = "") -> dict[str, Any]:
        """Give back the access that was taken by hand."""
        from sync.accounts import reactivate

        with self._wires.database.write() as conn:
            before = people.user(conn, ref)
            reactivate(conn, before["id"], by=by, reason=reason, now=self._wires.clock())
            said = {"active": True, "suspended_by_hand": False, "reason": reason}
            self._note(conn, "users.reactivate", before, said, by=by)
        return self.user(before["id"])

    def set_admin(self, ref: str, *, admin: bool, by: str) -> dict[str, Any]:
        """Say whether somebody administers the application. Raises Refused for the last one."""
        from sync.accounts import set_admin

        with self._wires.database.write() as conn:
            before = people.user(conn, ref)
            set_admin(conn, before["id"], admin=admin, by=by, now=self._wires.clock())
            self._note(conn, "users.admin", before, {"admin": admin}, by=by)
        return self.user(before["id"])

    def set_tags(
        self, ref: str, *, add: Sequence[str] = (), remove: Sequence[str] = (), by: str
    ) -> dict[str, Any]:
        """Set and take tags by hand; those of directories stay as they are."""
        from sync.accounts import set_tags

        with self._wires.database.write() as conn:
            before = people.user(conn, ref)
            set_tags(conn, before["id"], add=add, remove=remove, by=by, now=self._wires.clock())
            said = {"tags": people.user(conn, before["id"])["tags"]}
            self._note(conn, "users.tag", before, said, by=by)
        return self.user(before["id"])

    def _note(
        self, conn: Conn, action: str, before: dict[str, Any], after: dict[str, Any], *, by: str
    ) -> None:
        was = {name: before[name] for name in after if name in before}
        label = before["email"] or before["id"]
        now = self._wires.clock()
        note(conn, action, now=now, kind="user", id=before["id"], label=label, before=was, after=after, by=by)

    def add(self, accounts: Sequence[dict[str, Any]], *, by: str) -> list[str]:
        """Make accounts by hand, all or none, by the fields of ``Account``; their ids. Raises Duplicate."""
        from sync.accounts import Account, add_accounts

        with self._wires.database.write() as conn:
            now = self._wires.clock()
            made = add_accounts(conn, [Account(**each) for each in accounts], by=by, now=now)
            for user_id, each in zip(made, accounts, strict=True):
                label = str(each["email"])
                note(conn, "users.add", now=now, kind="user", id=user_id, label=label, after=each, by=by)
        return made

    def groups(self, *, connection: str | None = None, **wanted: Any) -> dict[str, Any]:
        with self._wires.database.read() as conn:
            connection_id = connections.find(conn, connection).id if connection else None
            rows, total = groups.groups(conn, connection_id=connection_id, **wanted)
        more = len(rows) == wanted.get("limit", 100)
        return {"groups": rows, "total": total, "next": rows[-1]["id"] if rows and more else None}

    def every_group(self, **wanted: Any) -> dict[str, Any]:
        rows, after = [], None
        while True:
            page = self.groups(limit=PAGE, after=after, **wanted)
            rows += page["groups"]
            after = page["next"]
            if after is None:
                return {"groups": rows, "total": page["total"]}

    def group(self, ref: str, *, members: bool = True) -> dict[str, Any]:
        """A group and, unless ``members`` is false, everybody in it."""
        with self._wires.database.read() as conn:
            found = groups.group(conn, ref)
            return found | ({"member_list": groups.members(conn, found["id"])} if members else {})

    def members(self, ref: str, *, limit: int = 100, **wanted: Any) -> dict[str, Any]:
        """``{"members", "next"}``: a page of a group; ``wanted`` are search, kind and after."""
        with self._wires.database.read() as conn:
            found = groups.members(conn, groups.group(conn, ref)["id"], limit=limit, **wanted)
        return {"members": found, "next": found[-1]["id"] if len(found) == limit else None}

    def seats(self) -> dict[str, Any]:
        seats, remembered = self._wires.settings.seats, self._wires.remembered
        with self._wires.database.read() as conn:
            counted = remembered.count_people(conn, "people", headcount.headcount)
            by_id = remembered.count_people(
                conn, "seats", lambda conn: headcount.seats_by_connection(conn, counted.active_managed)
            )
            known = connections.listed(conn)
            count, who = waiting.count(conn), waiting.listed(conn, limit=SHOWN_WAITING)
        return {
            "limit": seats.limit,
            "used": counted.seats(count_unmanaged=seats.count_unmanaged),
            "waiting": count,
            "by_connection": {each.name: by_id.get(each.id, 0) for each in known},
            "waiting_people": [each["label"] for each in who],
        }

    def waiting(self, *, connection: str | None = None, limit: int = 100, **wanted: Any) -> dict[str, Any]:
        """``{"waiting", "next"}``: who waits for a seat, by name; ``wanted`` are search and after."""
        with self._wires.database.read() as conn:
            connection_id = connections.find(conn, connection).id if connection else None
            found = waiting.listed(conn, connection_id=connection_id, limit=limit, **wanted)
        return {"waiting": found, "next": found[-1]["label"] if len(found) == limit else None}

    def events(
        self, *, after: int = 0, limit: int = 100, types: Sequence[str] | None = None
    ) -> dict[str, Any]:
        """Events behind ``after`` in order, and the cursor to go on with."""
        with self._wires.database.latest() as conn:
            page = outbox.page(conn, after=after, limit=limit, types=expanded(types))
        return {"events": page.events, "next": page.next}

    def newest_events(
        self,
        *,
        connection: str | None = None,
        subject: str | None = None,
        types: Sequence[str] | None = None,
        **wanted: Any,
    ) -> dict[str, Any]:
        """``{"events", "next"}`` from the newest on; ``wanted`` are before and limit."""
        with self._wires.database.latest() as conn:
            found, following = outbox.newest(
                conn,
                connection_id=connections.find(conn, connection).id if connection else None,
                subject_id=people.subject_id(conn, subject) if subject else None,
                types=expanded(types),
                **wanted,
            )
        return {"events": found, "next": following}

    def last_sequence(self) -> int:
        """The highest sequence of the feed by now."""
        with self._wires.database.latest() as conn:
            return outbox.last_sequence(conn)

    def event_count(self) -> int:
        with self._wires.database.read() as conn:
            return outbox.count(conn)
