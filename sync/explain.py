"""Why somebody is as they are: state, tags, profile, links, and why there is no account.

Everything is read from what was written when it happened: history, links, members, questions and
held plans. What none of them tells is said to be unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sync import testimony
from sync.explanation import BY_HAND, Because, Explanation, Part, State
from sync.model.change import Action, change_id
from sync.model.errors import Conflict, NotFound
from sync.model.resources import PROFILE_FIELDS, Status, fold
from sync.store import connections, evidence, history, left_out, runs
from sync.store.database import Conn
from sync.store.text import from_json
from sync.testimony import BEFORE_HISTORY, Row

SHOWN: Final = 20
"""Changes told, newest first."""

_ASKED: Final = (Action.CREATE, Action.ADOPT, Action.UPDATE, Action.SUSPEND, Action.REACTIVATE)
"""What a plan may want of a person."""

_USER: Final = ("id", "email", "first_name", "last_name", "picture_url", "active", "protected", "admin")

_BY_DIRECTORY: Final = frozenset({"pull", "push"})
"""Origins of accounts that a directory made."""


def explain(conn: Conn, ref: str) -> Explanation:
    """Everything about one person: an account, or somebody whom only a directory knows.

    ``ref`` is a user's id or e-mail, or a directory user's id, external id, externalId or userName.
    Raises NotFound naming the nearest, and Conflict when several accounts fit.
    """
    names = {each.id: each.name for each in connections.listed(conn)}
    ids = evidence.user_ids(conn, ref)
    if len(ids) > 1:
        raise Conflict(f"{ref} fits several users: {', '.join(ids)}; name one by its id")
    if ids:
        return _Account(conn, names, evidence.account(conn, ids[0])).explanation()
    return _without_account(conn, names, ref)


def _without_account(conn: Conn, names: dict[str, str], ref: str) -> Explanation:
    people = [_Sighting(conn, names, seen) for seen in evidence.unlinked(conn, [ref])]
    if people:
        parts = [each.part() for each in people]
        first = people[0].seen
        return Explanation(
            label=first["email"] or first["user_name"],
            state=State.NOT_PROVISIONED,
            because=[because for part in parts for because in part.because],
            not_linked=parts,
            history=[testimony.done(row, names) for row in people[0].rows[:SHOWN]],
        )
    wanted = [change_id(action, "user", ref) for action in _ASKED]
    planned = evidence.waiting(conn, wanted) or evidence.waiting_for(conn, ref)
    if planned:
        because = [testimony.waits(item) for item in planned]
        return Explanation(label=planned[0]["label"], state=State.NOT_PROVISIONED, because=because)
    kept_out = left_out.about(conn, wanted)
    if kept_out:
        because = [testimony.left_out(row) for row in kept_out]
        return Explanation(label=kept_out[0]["label"], state=State.NOT_PROVISIONED, because=because)
    named = evidence.named_members(conn, ref)
    if named:
        because = [testimony.named_member(row) for row in named]
        return Explanation(label=ref, state=State.UNKNOWN_HERE, because=because)
    raise NotFound(
        f"nobody here or in a directory, as it was last read, has the id, e-mail or userName {ref}"
        + evidence.near(conn, ref)
    )


@dataclass(frozen=True, slots=True)
class _Sighting:
    """One directory's person, with what is written of it."""

    conn: Conn
    names: dict[str, str]
    seen: Row

    @property
    def rows(self) -> Sequence[Row]:
        return history.of_subject(self.conn, self.seen["id"])

    @property
    def last(self) -> Row | None:
        rows = history.of_subject(self.conn, self.seen["id"], 1)
        return rows[0] if rows else None

    @property
    def active(self) -> bool:
        return self.seen["deleted_at"] is None and self.seen["status"] == Status.ACTIVE

    def part(self) -> Part:
        """A person without an account, and why there is none."""
        said = {name: self.seen[name] for name in ("connection", "external_id", "status")}
        reason = self.seen["reason"] or f"why there is no account is not recorded: {BEFORE_HISTORY}"
        because = [testimony.says(self.seen, self.last, why=reason), *self.open()]
        return Part(said=said | {"directory_user_id": self.seen["id"]}, because=because)

    @property
    def _last_complete(self) -> str | None:
        return runs.last_complete_start(self.conn, self.seen["connection_id"])

    def open(self) -> Iterator[Because]:
        """What waits for another read, a person, an approval or a seat."""
        if self.seen["absent_at"] is not None and self.seen["absent_at"] == self._last_complete:
            yield testimony.missed(self.seen)
        keys = [self.seen[name] for name in ("external_id", "scim_external_id", "id", "user_name")]
        named = [key for key in keys if key]
        for row in evidence.questions(self.conn, named):
            if row["connection_id"] == self.seen["connection_id"]:
                yield testimony.question(row, self.names)
        wanted = [change_id(action, "user", key) for action in _ASKED for key in named]
        for item in evidence.waiting(self.conn, wanted):
            if item["connection"] == self.seen["connection"]:
                yield testimony.waits(item)
        for row in left_out.about(self.conn, wanted):
            if row["connection_id"] == self.seen["connection_id"]:
                yield testimony.left_out(row)


class _Account:
    """One account, with everything written about it read once."""

    def __init__(self, conn: Conn, names: dict[str, str], user: Row) -> None:
        self._conn = conn
        self._names = names
        self._user = user
        self._rows = history.of_user(conn, user["id"])
        self._linked = [_Sighting(conn, names, seen) for seen in evidence.linked(conn, user["id"])]
        self._live = [each for each in self._linked if each.seen["deleted_at"] is None]

    def explanation(self) -> Explanation:
        user = self._user
        names = dict.fromkeys(each.seen["connection"] for each in self._live)
        shown = {name: user[name] for name in _USER}
        known = [user["email"]] if user["email"] else []
        others = [_Sighting(self._conn, self._names, seen) for seen in evidence.unlinked(self._conn, known)]
        return Explanation(
            label=user["email"] or user["id"],
            state=State.ACTIVE if user["active"] else State.SUSPENDED,
            because=[*self._turned(), *self._said()],
            user=shown | {"managed": bool(self._live), "connections": list(names)},
            tags=self._tags(),
            fields=[*(self._field(name) for name in PROFILE_FIELDS), *self._further_fields()],
            links=[self._link(each) for each in self._linked],
            not_linked=[each.part() for each in others],
            seat=self._seat(),
            history=[testimony.done(row, self._names) for row in self._rows[:SHOWN]],
        )

    # --- state --------------------------------------------------------------------------------

    def _turned(self) -> Iterator[Because]:
        """When access was given or taken, by whom and why."""
        yield self._set_by("active", "Access given" if self._user["active"] else "Access taken")
        if self._user["suspended_by_hand"]:
            row = self._wrote("suspended_by_hand")
            by_hand = "Suspended by hand: no run gives the access back"
            yield Because(fact=by_hand, source=BY_HAND, at=testimony.moment(row["at"]) if row else None)

    def _said(self) -> Iterator[Because]:
        """What each directory says now, who keeps the account active, and what waits."""
        if not self._live:
            yield Because(fact="No directory manages this account", source=BY_HAND)
        for each in self._linked:
            yield testimony.says(each.seen, each.last, why=self._at_odds(each))
        for each in self._live:
            yield from each.open()

    def _at_odds(self, each: _Sighting) -> str:
        """Why the account is not as this directory says; empty where it is."""
        if each.active == bool(self._user["active"]) or each.seen["deleted_at"] is not None:
            return ""
        if self._user["active"]:
            keepers = [other.seen["connection"] for other in self._live if other.active]
            if keepers:
                return f"kept active by {' and '.join(dict.fromkeys(keepers))}"
        return str(each.seen["reason"]) or BEFORE_HISTORY

    # --- fields -------------------------------------------------------------------------------

    def _wrote(self, name: str) -> Row | None:
        """The newest change that set this field."""
        return next((row for row in self._rows if name in row["after"]), None)

    def _set_by(self, name: str, lead: str) -> Because:
        """What set a field to the value it has."""
        row = self._wrote(name)
        if row is not None and row["after"][name] == self._user[name]:
            told = "" if name == "active" else f"{lead} when {testimony.deed(row).lower()}"
            return testimony.done(row, self._names, told)
        if row is not None:
            since = f"changed by hand after {row['at'][:16].replace('T', ' ')} UTC, when a change had set it"
            return Because(fact=f"{lead}: {since}", source=BY_HAND)
        if self._user["origin"] in _BY_DIRECTORY:
            return Because(fact=f"{lead}: {BEFORE_HISTORY}", source="before history")
        came = f"{lead}: no change set it; the account came by {self._user['origin']}"
        return Because(fact=came, source=BY_HAND, at=testimony.moment(self._user["created_at"]))

    def _field(self, name: str) -> Part:
        value = self._user[name]
        lead = "Set" if value is not None else "Empty"
        because = [self._set_by(name, lead), *self._said_of(name)]
        return Part(said={"field": name, "value": value}, because=because)

    def _further_fields(self) -> Iterator[Part]:
        """The mapped fields besides the profile: those the account has, or any of its directories gives."""
        said = [(each, from_json(each.seen["extra"] or "{}")) for each in self._live]
        own = from_json(self._user["extra"] or "{}")
        for name in sorted({*own, *(name for _, extra in said for name in extra)}):
            value = own.get(name)
            because = [self._set_further(name, value, "Set" if value is not None else "Empty")]
            for each, extra in said:
                if name in extra and (rule := self._rule(each, name)):
                    because.append(testimony.maps(each.seen, each.last, rule, extra[name]))
                elif name in extra:
                    because.append(testimony.says_of(each.seen, each.last, extra[name]))
            yield Part(said={"field": name, "value": value}, because=because)

    def _set_further(self, name: str, value: str | None, lead: str) -> Because:
        """The newest change that gave a further field the value it has, or took its value."""
        for row in self._rows:
            before, after = (row[side].get("extra") or {} for side in ("before", "after"))
            if "extra" not in row["after"] or before.get(name) == after.get(name):
                continue
            if after.get(name) == value:
                return testimony.done(row, self._names, f"{lead} when {testimony.deed(row).lower()}")
            break
        return Because(fact=f"{lead}: {BEFORE_HISTORY}", source="before history")

    def _rule(self, each: _Sighting, name: str) -> str | None:
        """Where the connection's mapping takes a field from."""
        mapping = connections.get(self._conn, each.seen["connection_id"]).settings.get("attributes") or {}
        rule = mapping.get(name)
        return rule.get("value") if isinstance(rule, Mapping) else rule

    def _said_of(self, name: str) -> Iterator[Because]:
        """What directories say of a field, where one differs from the account or several could."""
        said = [(each, each.seen[name]) for each in self._live if each.seen[name] is not None]
        if len(said) > 1 or any(fold(value) != fold(self._user[name]) for _, value in said):
            for each, value in said:
                yield testimony.says_of(each.seen, each.last, value)

    # --- tags, links, seat --------------------------------------------------------------------

    def _tags(self) -> list[Part]:
        """Effective tags by name, each with all of its sources."""
        found: dict[str, list[Because]] = {}
        for row in evidence.hand_tags(self._conn, self._user["id"]):
            fact = f"Set by hand (by {row['set_by']})"
            found.setdefault(row["tag"], []).append(
                Because(fact=fact, source=BY_HAND, at=testimony.moment(row["set_at"]))
            )
        for each in self._live:
            managed = Because(
                fact=f"Managed by {each.seen['connection']}: {each.seen['how']}",
                source=each.seen["connection"],
                run_id=each.seen["run_id"],
                at=testimony.moment(each.seen["linked_at"]),
            )
            tag = connections.get(self._conn, each.seen["connection_id"]).managed_tag
            found.setdefault(tag, []).append(managed)
        for row in evidence.memberships(self._conn, [each.seen["id"] for each in self._linked]):
            if row["tag"] is not None:
                found.setdefault(row["tag"], []).extend(self._through(row))
        return [Part(said={"tag": tag}, because=because) for tag, because in sorted(found.items())]

    def _through(self, membership: Row) -> Iterator[Because]:
        """A tag through a group: the membership, and what came later and made it this tag of this user."""
        yield testimony.member(membership)
        nested = testimony.nested(membership)
        if nested is not None:
            yield nested
        for each in self._linked:
            if each.seen["id"] == membership["value"] and each.seen["linked_at"] > membership["added_at"]:
                yield from testimony.linked(each.seen, (), self._names)
        for row in history.of_subject(self._conn, membership["id"]):
            if row["action"] == Action.GROUP_RENAME and row["at"] > membership["added_at"]:
                renamed = f"The group {row['before'].get('name')} became {row['after'].get('name')}"
                yield testimony.done(row, self._names, renamed)
                return

    def _link(self, each: _Sighting) -> Part:
        seen = each.seen
        said = {name: seen[name] for name in ("connection", "external_id", "status", "how", "rule", "run_id")}
        said |= {"directory_user_id": seen["id"], "at": seen["linked_at"]}
        return Part(said=said, because=testimony.linked(seen, each.rows, self._names))

    def _seat(self) -> Part:
        active, managed = bool(self._user["active"]), bool(self._live)
        if active and managed:
            fact = "Active and managed: takes one seat, however many directories there are"
        elif managed:
            fact = "Suspended: takes no seat"
        else:
            fact = "Not managed: takes a seat only where unmanaged accounts count"
        source = ", ".join(dict.fromkeys(each.seen["connection"] for each in self._live)) or BY_HAND
        return Part(said={"taken": active and managed}, because=[Because(fact=fact, source=source)])
