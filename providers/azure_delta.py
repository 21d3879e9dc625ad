"""Graph's change feeds: one round over users and one over groups, merged by id, told when both have ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from providers.ahead import Begins
from providers.answers import Answer
from providers.azure_records import Listed, UserReader, next_of, page_of, unsaid
from providers.azure_walk import UNITS, VERSION, List, Walks
from providers.failures import Absent, BadRequest, CredentialRefused
from providers.http import Ask, Wire
from providers.rows import Rows, id_of, inside, text_of
from sync.model.errors import CursorExpired, Denied, Incomplete
from sync.model.resources import GroupRecord, UserRecord
from sync.model.source import Gone, MemberChange, SetAside

GROUP_SELECT: Final = "displayName,description,members"
_REASONS: Final[Mapping[str, str]] = {
    "changed": "deleted at the directory (it can be restored for 30 days)",
    "deleted": "deleted at the directory for good",
}
_NO_ROWS: Final[Rows[Any]] = Rows(())


class Bookmarks(NamedTuple):
    """Where the next round of each feed begins, and what the rounds were asked to tell."""

    users: str
    groups: str
    select: str

    def text(self) -> str:
        return json.dumps(self._asdict())


def bookmarks(cursor: str, select: str) -> Bookmarks:
    """The bookmarks in a cursor; CursorExpired for none, or for another ``select``."""
    try:
        told = json.loads(cursor)
        found = Bookmarks(str(told["users"]), str(told["groups"]), str(told["select"]))
    except (ValueError, TypeError, KeyError) as error:
        raise CursorExpired("The bookmark of the change feed cannot be read: read in full.") from error
    if found.select != select or not found.users or not found.groups:
        raise CursorExpired("The settings ask for other attributes than the change feed tells: read in full.")
    return found


@dataclass(slots=True)
class Changed:
    """What one round says in the end, whatever order it came in."""

    users: dict[str, UserRecord] = field(default_factory=dict)
    raw: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    unsaid: set[str] = field(default_factory=set)
    gone: dict[str, Gone] = field(default_factory=dict)
    set_aside: list[SetAside] = field(default_factory=list)
    groups: dict[str, GroupRecord] = field(default_factory=dict)
    members: dict[str, dict[str, bool]] = field(default_factory=dict)
    gone_groups: dict[str, Gone] = field(default_factory=dict)
    as_of: datetime | None = None

    def member_changes(self) -> Iterator[MemberChange]:
        for group_id, edits in self.members.items():
            added = [ident for ident, is_member in edits.items() if is_member]
            removed = [ident for ident, is_member in edits.items() if not is_member]
            yield MemberChange(group_id=group_id, added=added, removed=removed)


class Feeds:
    """Opens and follows the two change feeds of a tenant."""

    def __init__(
        self, wire: Wire, ahead: Begins, walks: Walks, users: UserReader, *, is_transitive: bool
    ) -> None:
        self._wire, self._ahead, self._walks, self._users = wire, ahead, walks, users
        self._is_transitive = is_transitive
        self.select = f"{users.select};{GROUP_SELECT}"

    def open(self) -> tuple[Bookmarks | None, str]:
        """Bookmarks at this very moment, or None and the reason why there is no feed."""
        try:
            latest = [
                self._ahead.begin(self._latest, kind, select)
                for kind, select in (("users", self._users.select), ("groups", GROUP_SELECT))
            ]
            links = [wait() for wait in latest]
        except CredentialRefused:
            raise
        except (BadRequest, Absent, Denied, Incomplete) as error:
            return None, error.message
        return Bookmarks(links[0], links[1], self.select), ""

    def _latest(self, kind: str, select: str) -> str:
        first = f"{VERSION}/{kind}/delta?$select={select}&$deltatoken=latest"
        ask = Ask(first, f"changed {kind}", UNITS)
        _, link = self._wire.ask(ask, lambda answer: _delta_link(page_of(answer)))
        if link is None:
            raise Incomplete(f"The change feed of {kind} gives no bookmark.")
        return self._kept(kind, link)

    def follow(self, since: Bookmarks) -> tuple[Changed, Bookmarks]:
        """Both rounds to their ends; CursorExpired when a bookmark is no longer good."""
        changed = Changed()
        try:
            users = self._round("users", since.users, lambda row: self._take_user(changed, row), changed)
            groups = self._round("groups", since.groups, lambda row: self._take_group(changed, row), changed)
        except (BadRequest, Absent) as refused:
            raise CursorExpired(
                f"{refused.message} The change feed cannot go on from its bookmark: read in full."
            ) from refused
        return changed, Bookmarks(users, groups, since.select)

    def _round(self, kind: str, first: str, take: Callable[[dict[str, Any]], None], changed: Changed) -> str:
        listing, ended = List(first, f"changed {kind}", 1), None
        for answer, page in self._walks.pages(listing, _read_round):
            changed.as_of = changed.as_of or answer.date
            for row in page.rows.rows:
                take(row)
            ended = page.delta
        if ended is None:
            raise Incomplete(f"The change feed of {kind} ended without a bookmark; its old one is kept.")
        return self._kept(kind, ended)

    def _kept(self, kind: str, link: str) -> str:
        """Path and query of a bookmark, which may be the one we came from when nothing happened."""
        return self._walks.guard(List(f"{VERSION}/{kind}/delta", f"changed {kind}", 1)).admit(link)

    # ---- rows

    def _take_user(self, changed: Changed, row: dict[str, Any]) -> None:
        user_id = id_of(row)
        if user_id is None:
            changed.set_aside.append(SetAside(kind="user", external_id=None, why="A changed user has no id."))
            return
        for book in (changed.users, changed.raw, changed.gone):
            book.pop(user_id, None)
        changed.unsaid.discard(user_id)
        if "@removed" in row:
            reason = text_of(inside(row, "@removed", "reason")) or ""
            why = _REASONS.get(reason, f"removed at the directory ({reason or 'no reason given'})")
            changed.gone[user_id] = Gone(kind="user", external_id=user_id, why=why)
        elif unsaid(row):
            changed.unsaid.add(user_id)
        elif self._users.is_out(row.get("userType")):
            changed.gone[user_id] = out_of_scope(user_id)
        else:
            said = self._users.tolerant(row)
            if isinstance(said, UserRecord):
                changed.users[user_id], changed.raw[user_id] = said, self._users.raw_of(row)

    def _take_group(self, changed: Changed, row: dict[str, Any]) -> None:
        group_id = id_of(row)
        if group_id is None:
            why = "A changed group has no id."
            changed.set_aside.append(SetAside(kind="group", external_id=None, why=why))
            return
        if "@removed" in row:
            changed.groups.pop(group_id, None)
            changed.members.pop(group_id, None)
            changed.gone_groups[group_id] = Gone(kind="group", external_id=group_id)
            return
        changed.gone_groups.pop(group_id, None)
        name = text_of(row.get("displayName"))
        if name is not None:
            changed.groups[group_id] = GroupRecord(group_id, name, group_id)
        members = row.get("members@delta")
        if members is None:
            return
        if not isinstance(members, list):
            raise Incomplete(f"The changed members of group {group_id} are no list; nothing was concluded.")
        edits = changed.members.setdefault(group_id, {})
        for member in members:
            self._take_member(edits, member)

    def _take_member(self, edits: dict[str, bool], member: object) -> None:
        ident, kind = id_of(member), text_of(inside(member, "@odata.type"))
        if ident is None or not isinstance(member, dict):
            raise Incomplete("A changed member of a group has no id; nothing was concluded.")
        kinds = {"#microsoft.graph.user", None} | (
            {"#microsoft.graph.group"} if self._is_transitive else set()
        )
        if kind in kinds:
            edits.pop(ident, None)
            edits[ident] = "@removed" not in member


def out_of_scope(user_id: str) -> Gone:
    """Somebody who is there, as a guest, where guests are not wanted."""
    why = "a guest, and guests are out of this connection's scope"
    return Gone(kind="user", external_id=user_id, why=why, may_exist=True)


def _read_round(answer: Answer) -> Listed[dict[str, Any]]:
    body = page_of(answer)
    rows = body["value"]
    if not all(isinstance(row, dict) for row in rows):
        raise Incomplete("A row of the change feed is no object; nothing was concluded from it.")
    delta, onward = _delta_link(body), next_of(body)
    if delta is None and onward is None:
        raise Incomplete("The change feed broke off without a bookmark; the old one is kept.")
    return Listed(_NO_ROWS._replace(rows=rows, span=_mark(rows)), onward, delta)


def _mark(rows: list[Any]) -> tuple[str, str] | None:
    """Tells a page by all it says: the same person or group may stand on many pages of a round."""
    if not rows:
        return None
    return blake2b(json.dumps(rows).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest(), ""


def _delta_link(body: Mapping[str, Any]) -> str | None:
    return text_of(body.get("@odata.deltaLink"))
