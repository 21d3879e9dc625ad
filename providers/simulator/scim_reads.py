"""The reads of a simulated SCIM service: lists by index or by cursor, single users and groups."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import orjson

from providers.simulator import scim_objects as objects
from providers.simulator.clock import Clock
from providers.simulator.directory import Directory, Person, Status
from providers.simulator.filters import BadFilter, Rules, parse
from providers.simulator.sight import Sight
from providers.simulator.wire import Answer, Request

_STAMPS = frozenset({"eq", "gt", "ge", "lt", "le"})
_TEXTS = frozenset({"eq", "sw", "co", "pr"})
USER_RULES = Rules(
    readers={
        "meta.lastModified": attrgetter("updated_at"),
        "userName": attrgetter("login"),
        "id": attrgetter("id"),
        "active": attrgetter("active"),
    },
    operators={"meta.lastModified": _STAMPS, "userName": _TEXTS, "id": _TEXTS, "active": frozenset({"eq"})},
)
GROUP_RULES = Rules(
    readers={
        "meta.lastModified": lambda item: max(item.updated_at, item.members_updated_at),
        "displayName": attrgetter("name"),
        "id": attrgetter("id"),
    },
    operators={"meta.lastModified": _STAMPS, "displayName": _TEXTS, "id": _TEXTS},
)


class Failed(Exception):
    """Why a request cannot be served."""

    def __init__(self, status: int, detail: str, scim_type: str | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.scim_type = status, detail, scim_type


@dataclass(slots=True, kw_only=True)
class Traits:
    """How this service departs from the usual: as made, not at all.

    ``mode`` is index, cursor, cursor_only (a cursor without having been asked for one) or both.
    ``shift`` is by how many places rows that came in meanwhile have moved the others on.
    """

    mode: str = "index"
    page_size: int = 100
    config: str = "true"
    emails: str = "list"
    ids_are_numbers: bool = False
    excluded: str = "honoured"
    members: str = "usual"
    groups_are_on_users: bool = False
    past_end: str = "empty"
    count_zero: str = "none"
    is_offset_ignored: bool = False
    shift: int = 0


@dataclass(slots=True, kw_only=True)
class Call:
    """One request on its way to an answer; ``page`` counts from 1."""

    request: Request
    ops: tuple[str, ...]
    ident: str | None = None
    page: int = 1

    @property
    def op(self) -> str:
        """The operation's plain name."""
        return self.ops[0]


@dataclass(slots=True, kw_only=True)
class _Page:
    ids: list[str]
    start: int
    total: int
    after: str | None = None


@dataclass(kw_only=True)
class Reads:
    """Answers each operation from one directory, as far as its caller sees it."""

    directory: Directory
    clock: Clock
    sight: Sight = field(default_factory=Sight)
    traits: Traits = field(default_factory=Traits)
    root: str = "http://127.0.0.1"

    def __post_init__(self) -> None:
        self._rows: dict[Any, dict[str, tuple[int, bytes]]] = {}
        self._lists: dict[str, list[str]] = {}
        self._known: tuple[int, int] = (-1, -1)

    def serve(self, call: Call) -> Answer:
        """The answer to an allowed call. Failed when there is none."""
        known = (self.directory.revision, self.sight.revision)
        if known != self._known:
            self._known = known
            self._lists.clear()
        reads: dict[str, Callable[[Call], Answer]] = {
            "users.list": self._users,
            "users.get": self._user,
            "groups.list": self._groups,
            "members": self._group,
            "config": self._config,
            "schemas": lambda _call: _json(objects.listed(objects.schemas(self.root))),
            "types": lambda _call: _json(objects.listed(objects.resource_types(self.root))),
        }
        return reads[call.op](call)

    # ---- users

    def _users(self, call: Call) -> Answer:
        def ids() -> list[str]:
            people = self.directory.people
            if "filter" in call.request.args:
                keep = _test(call.request.args["filter"], USER_RULES)
                found = sorted(i for i, person in self._indexed(people).items() if keep(person))
            else:
                found = sorted(i for i, person in people.items() if person.status is not Status.GONE)
            return self.sight.share("users.list", self.sight.people(found, self.directory))

        page = self._page(call, ids)
        row = self._user_row()
        return self._listed(call, page, [row(i) for i in page.ids])

    def _indexed(self, people: dict[str, Person]) -> dict[str, Person]:
        if not self.sight.index_lag_s:
            return people
        known_until = self.clock.now() - self.sight.index_lag_s
        return {i: person for i, person in people.items() if person.updated_at <= known_until}

    def _user_row(self) -> Callable[[str], bytes]:
        people, traits = self.directory.people, self.traits
        if traits.groups_are_on_users:
            return self._row_with_groups()
        rows = self._rows.setdefault((self.root, traits.emails, traits.ids_are_numbers), {})

        def row(person_id: str) -> bytes:
            person, known = people[person_id], rows.get(person_id)
            if known is not None and known[0] == person.revision:
                return known[1]
            made = orjson.dumps(self.render_user(person))
            rows[person_id] = (person.revision, made)
            return made

        return row

    def _row_with_groups(self) -> Callable[[str], bytes]:
        """People who say which groups they are in; who is in none says nothing."""
        of_person: dict[str, list[dict[str, Any]]] = {}
        for item in self.directory.groups.values():
            for person_id in item.members if item.kind != "built_in" else ():
                of_person.setdefault(person_id, []).append(objects.group_of_user(item, self.root))

        def row(person_id: str) -> bytes:
            told = self.render_user(self.directory.people[person_id])
            if person_id in of_person:
                told["groups"] = of_person[person_id]
            return orjson.dumps(told)

        return row

    def render_user(self, person: Person) -> dict[str, Any]:
        """A person as this service writes one."""
        ident = self._ident(person.id)
        return objects.user(person, self.root, ident=ident, emails=self.traits.emails)

    def _ident(self, ident: str) -> Any:
        return int(ident) if self.traits.ids_are_numbers else ident

    def _user(self, call: Call) -> Answer:
        person = self.directory.people.get(str(call.ident))
        if (
            person is None
            or person.status is Status.GONE
            or not self.sight.may_see(person.id, self.directory)
        ):
            raise Failed(404, f"Resource {call.ident} not found.")
        return _json(self._user_row()(person.id))

    # ---- groups

    def _groups(self, call: Call) -> Answer:
        if self.traits.groups_are_on_users:
            raise Failed(404, "There is no /Groups.")
        args, groups = call.request.args, self.directory.groups
        excluded = args.get("excludedAttributes", "")
        if excluded and self.traits.excluded == "400":
            raise Failed(400, "excludedAttributes is not supported.", "invalidSyntax")

        def ids() -> list[str]:
            keep = _test(args["filter"], GROUP_RULES) if "filter" in args else None
            found = (
                i for i, item in groups.items() if item.kind != "built_in" and (keep is None or keep(item))
            )
            return self.sight.share("groups.list", self.sight.groups(sorted(found)))

        page = self._page(call, ids)
        has_members = "members" not in excluded or self.traits.excluded == "ignored"
        return self._listed(call, page, [self._group_row(i, has_members=has_members) for i in page.ids])

    def _group(self, call: Call) -> Answer:
        item = self.directory.groups.get(str(call.ident))
        if item is None or item.kind == "built_in" or not self.sight.groups([item.id]):
            raise Failed(404, f"Resource {call.ident} not found.")
        return _json(self._group_row(item.id, has_members=True))

    def _group_row(self, group_id: str, *, has_members: bool) -> bytes:
        item = self.directory.groups[group_id]
        members = None
        if has_members and self.traits.members != "absent":
            members = self._members(group_id)
        return orjson.dumps(objects.group(item, self.root, ident=self._ident(item.id), members=members))

    def _members(self, group_id: str) -> list[dict[str, Any]]:
        is_mixed = self.traits.members == "mixed"
        seen = [i for i in self.directory.groups[group_id].members if self.sight.may_see(i, self.directory)]
        ids = sorted([*seen, *(person.id for person in self.sight.strangers.get(group_id, ()))])
        told = [
            objects.member(ident, self.root, is_odd=is_mixed and number % 2 == 0)
            for number, ident in enumerate(self.sight.share("members", ids))
        ]
        told += [
            objects.member(child, self.root, kind="Group")
            for child in sorted(self.directory.groups[group_id].groups)
        ]
        if is_mixed:
            told.append({"value": "999", "type": "Device", "display": "a printer"})
        return told

    # ---- lists

    def _page(self, call: Call, ids: Callable[[], list[str]]) -> _Page:
        key = f"{call.op} {call.request.args.get('filter', '')}"
        everything = self._lists.get(key)
        if everything is None:
            everything = self._lists[key] = ids()
        args = call.request.args
        count = _whole(args.get("count"), self.traits.page_size)
        if count == 0 and self.traits.count_zero == "all":
            return _Page(ids=everything, start=1, total=len(everything))
        count = min(count, self.traits.page_size)
        if self._by_cursor(args):
            return self._cursor_page(everything, args.get("cursor", ""), count)
        start = 1 if self.traits.is_offset_ignored else max(1, _whole(args.get("startIndex"), 1))
        if start == 1:
            self.traits.shift = 0
        if start > max(1, len(everything)) and self.traits.past_end == "error":
            raise Failed(400, "startIndex is greater than totalResults.", "invalidValue")
        at, shift = max(0, start - 1 - self.traits.shift), self.traits.shift
        return _Page(ids=everything[at : at + count], start=start, total=len(everything) + shift)

    def _by_cursor(self, args: dict[str, str]) -> bool:
        mode = self.traits.mode
        return mode in ("cursor", "cursor_only") or (mode == "both" and "cursor" in args)

    def _cursor_page(self, everything: list[str], cursor: str, count: int) -> _Page:
        page, last_id = 1, ""
        if cursor:
            try:
                page, last_id, at_s = objects.read_cursor(cursor)
            except ValueError:
                raise Failed(400, "The cursor is not valid.", "invalidCursor") from None
            if self.clock.now() - at_s > objects.CURSOR_TIMEOUT_S:
                raise Failed(400, "The cursor is expired.", "expiredCursor")
        start = bisect_right(everything, last_id)
        ids = everything[start : start + count]
        after = None
        if start + count < len(everything) and ids:
            after = objects.cursor_of(page + 1, ids[-1], self.clock.now())
        return _Page(ids=ids, start=start + 1, total=len(everything), after=after)

    def _listed(self, call: Call, page: _Page, rows: list[bytes]) -> Answer:
        by_cursor = self._by_cursor(call.request.args)
        told: dict[str, Any] = {"schemas": [objects.MESSAGES + "ListResponse"], "itemsPerPage": len(rows)}
        if self.traits.mode != "cursor_only":
            told["totalResults"] = page.total
        if not by_cursor:
            told["startIndex"] = page.start
        elif page.after is not None:
            told["nextCursor"] = page.after
        # the rows are ready bytes: only the head of the list is rendered anew
        return _json(orjson.dumps(told)[:-1] + b',"Resources":[' + b",".join(rows) + b"]}")

    def _config(self, _call: Call) -> Answer:
        traits = self.traits
        if traits.config in ("401", "404"):
            raise Failed(int(traits.config), "There is nothing to see here.")
        if traits.mode == "cursor_only":
            raise Failed(404, "There is nothing to see here.")
        has_cursor = traits.mode in ("cursor", "both") or traits.config == "lying"
        told = objects.provider_config(
            has_cursor=has_cursor, has_index=traits.mode in ("index", "both"), page_size=traits.page_size
        )
        return _json(orjson.dumps(told))


def _json(body: bytes) -> Answer:
    return Answer(body=body, headers=[objects.SCIM_JSON])


def _whole(text: str | None, default: int) -> int:
    if text is None:
        return default
    try:
        return max(0, int(text))
    except ValueError:
        raise Failed(400, f"{text!r} is no whole number.", "invalidValue") from None


def _test(text: str, rules: Rules) -> Callable[[Any], bool]:
    try:
        return parse(text, rules)
    except BadFilter as bad:
        raise Failed(400, str(bad), "invalidFilter") from None
