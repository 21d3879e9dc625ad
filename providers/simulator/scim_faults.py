"""How each fault looks at a SCIM service: its own errors, lists and oddities, over what all vendors share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from providers.simulator import scim_objects as objects
from providers.simulator.body_faults import canned, odd_dates, reshaped, travel
from providers.simulator.clock import iso, parse_iso
from providers.simulator.common_faults import CommonFaults
from providers.simulator.directory import Status
from providers.simulator.faults import Armed, BadFault
from providers.simulator.truth_faults import TRUTH, somebody
from providers.simulator.wire import Answer

if TYPE_CHECKING:
    from providers.simulator.scim import Scim
    from providers.simulator.scim_reads import Call

RIGHTS = {
    "users": ("users.list", "users.get"),
    "groups": ("groups.list", "members"),
    "members": ("members",),
}
_MODES = ("index", "cursor", "cursor_only", "both")
_ODD_ACTIVE: tuple[Any, ...] = ("False", "true", "False", None, objects.ABSENT)


class ScimFaults(CommonFaults):
    """Applies faults to one simulated service."""

    def __init__(self, scim: Scim) -> None:
        super().__init__(scim)
        self._scim = scim
        self._usual_members = self.once["members"]
        self.once |= {
            "members": self._members_kind,
            "mode": self._mode,
            "config": self._trait("config", "lying", "401", "404"),
            "emails": self._trait("emails", "string", "no_primary", "null"),
            "excluded": self._trait("excluded", "ignored", "400"),
            "past_end": self._trait("past_end", "error"),
            "count_zero": self._trait("count_zero", "all"),
            "ids": self._ids,
            "groups": self._groups_on_users,
            "status": self._status,
        }
        self._instead: dict[str, Callable[[Armed, Call], Answer | None]] = {
            "throttle": self._throttle,
            "fail": self._fail,
            "deny": self._fail,
            "body": lambda _armed, _call: _as_200(objects.error(500, "Something went wrong.")),
            "revoke_key": self._revoke,
            "revoke_token": self._revoke,
            "expire_token": self._revoke,
            "drop_permission": self._drop_permission,
            "cursor": self._cursor,
            "filter": self._filter,
            "offset": self._offset,
            "delete_between": self._between,
            "swap_between": self._between,
            "delete_group_between": self._delete_group,
        }
        self._listing: dict[str, Callable[[Armed, Call, dict[str, Any]], None]] = {
            "count": self._count,
            "items_per_page": lambda _armed, _call, told: told.update(itemsPerPage=7),
            "page": self._empty_page,
            "next": self._loop,
        }

    def _groups_on_users(self, _armed: Armed) -> None:
        self._scim.traits.groups_are_on_users = True

    def prepare(self, armed: Armed) -> None:
        """Complete a fault as it is switched on. BadFault for arguments that cannot be."""
        if armed.name == "drop_permission":
            right = armed.arg("groups")
            if right not in RIGHTS:
                raise BadFault(f"{armed.spec}: choose one of {', '.join(RIGHTS)}")
            armed.op = armed.op or RIGHTS[right][0]
        if armed.name in ("fail", "deny"):
            armed.number("status", 503)
        if armed.name in ("cursor", "page", "next"):
            self._scim.traits.mode = "both"

    # ---- faults that act once

    def _trait(self, name: str, *choices: str) -> Callable[[Armed], None]:
        def turn(armed: Armed) -> None:
            if armed.arg(choices[0]) not in choices:
                raise BadFault(f"{armed.spec}: choose one of {', '.join(choices)}")
            setattr(self._scim.traits, name, armed.arg(choices[0]))

        return turn

    def _mode(self, armed: Armed) -> None:
        if armed.arg("cursor_only") not in _MODES:
            raise BadFault(f"{armed.spec}: choose one of {', '.join(_MODES)}")
        self._scim.traits.mode = armed.arg("cursor_only")

    def _members_kind(self, armed: Armed) -> None:
        if armed.arg() in ("absent", "hidden", "mixed"):
            self._scim.traits.members = "mixed" if armed.arg() == "mixed" else "absent"
        else:
            self._usual_members(armed)

    def _ids(self, _armed: Armed) -> None:
        self._scim.traits.ids_are_numbers = True

    def _status(self, armed: Armed) -> None:
        """Texts where a truth value is due; those who keep access are written as true."""
        if armed.arg() != "strings":
            TRUTH["status"](self._scim.directory, armed)
            return
        directory = self._scim.directory
        for person, odd in zip(somebody(directory, armed, len(_ODD_ACTIVE)), _ODD_ACTIVE, strict=True):
            person.wire["active"] = odd
            gone = odd == "False"
            directory.change_person(person.id, status=Status.SUSPENDED if gone else person.status)

    # ---- faults that answer

    def answer(self, armed: Armed, call: Call) -> Answer | None:
        """The answer in place of the real one, or None to let that be made."""
        usual = canned(armed, call.request)
        if usual is not None:
            return usual
        if armed.name not in self._instead:
            raise BadFault(f"{armed.spec}: a SCIM service does not know it")
        return self._instead[armed.name](armed, call)

    def _throttle(self, armed: Armed, _call: Call) -> Answer | None:
        answer = objects.error(429, "Too many requests.")
        if armed.named.get("header") == "none":
            return answer
        wait_s = int(armed.number("wait", 8))
        answer.headers.append((b"retry-after", b"%d" % wait_s))
        return answer

    def _fail(self, armed: Armed, _call: Call) -> Answer | None:
        return objects.error(int(armed.number("status", 503 if armed.name == "fail" else 401)), "No.")

    def _revoke(self, _armed: Armed, _call: Call) -> Answer | None:
        self._scim.tokens.clear()
        return None

    def _drop_permission(self, armed: Armed, _call: Call) -> Answer | None:
        self._scim.sight.lost_rights.update(RIGHTS[armed.arg("groups")])
        return None

    def _cursor(self, armed: Armed, call: Call) -> Answer | None:
        """An expired cursor, or the same one again as if it led on."""
        cursor = call.request.args.get("cursor")
        if not cursor:
            return None
        if armed.arg("expired") != "repeat":
            return objects.error(400, "The cursor is expired.", "expiredCursor")
        answer = self._scim.reads.serve(call)
        told = orjson.loads(answer.body)
        answer.body = orjson.dumps({**told, "nextCursor": cursor})
        return answer

    def _offset(self, _armed: Armed, _call: Call) -> Answer | None:
        self._scim.traits.is_offset_ignored = True
        return None

    def _filter(self, _armed: Armed, call: Call) -> Answer | None:
        if "filter" in call.request.args:
            return objects.error(400, "This filter is not supported.", "invalidFilter")
        return None

    def _between(self, armed: Armed, _call: Call) -> Answer | None:
        self.between(armed)
        return None

    def _delete_group(self, armed: Armed, call: Call) -> Answer | None:
        self.delete_group(armed, str(call.ident))
        return None

    # ---- faults of an answer on its way out

    def shape(self, armed: Armed, call: Call, answer: Answer) -> Answer:
        """The answer as it leaves."""
        moved = travel(armed, answer)
        if moved is not None:
            return moved
        told = orjson.loads(answer.body)
        if armed.name == "case":
            answer.body = orjson.dumps(_capitals(told))
            return answer
        if "Resources" not in told:
            return answer
        if armed.name in self._listing:
            self._listing[armed.name](armed, call, told)
        else:
            told["Resources"] = self._rows(armed, call, told)
        answer.body = orjson.dumps(told)
        return answer

    def _rows(self, armed: Armed, call: Call, told: dict[str, Any]) -> list[Any]:
        rows: list[Any] = told["Resources"]
        if armed.name == "dates":
            return [{**row, "meta": odd_dates(row["meta"], number)} for number, row in enumerate(rows)]
        if armed.name == "double":
            return self._moved_on([*self._again(armed), *rows])
        if armed.name == "flap":
            return _flap(armed, rows, is_last=call.page * self._scim.traits.page_size >= told["totalResults"])
        broken = reshaped(armed, rows, broken=lambda row: {**row, "userName": {}, "name": "not an object"})
        return rows if broken is None else broken

    def _moved_on(self, rows: list[Any]) -> list[Any]:
        """By index, a row that comes in pushes the last one of the page over to the next."""
        traits = self._scim.traits
        if traits.mode != "index":
            return rows
        traits.shift += max(0, len(rows) - traits.page_size)
        return rows[: traits.page_size]

    def _again(self, armed: Armed) -> list[Any]:
        """Rows of the first page come again."""
        people = self._scim.directory.people
        shown = [i for i in sorted(people) if people[i].status is not Status.GONE]
        changed = armed.arg("1") == "changed"
        count = 1 if changed else int(armed.number("rows", 1))
        armed.memory["touched"] = shown[:count]
        again = [self._scim.reads.render_user(people[i]) for i in shown[:count]]
        return [_older(row, title="Formerly") for row in again] if changed else again

    def _count(self, armed: Armed, call: Call, told: dict[str, Any]) -> None:
        kind, total = armed.arg("missing"), told.get("totalResults", 0)
        if kind == "missing":
            told.pop("totalResults", None)
        elif kind == "grows":
            told["totalResults"] = total + call.page
        elif kind == "string":
            told["totalResults"] = str(total)
        elif kind in ("low", "high"):
            told["totalResults"] = total // 2 if kind == "low" else total + 50
        else:
            raise BadFault(f"{armed.spec}: choose missing, grows, low, high or string")

    def _empty_page(self, _armed: Armed, call: Call, told: dict[str, Any]) -> None:
        """No rows, and a cursor that goes on at the same place under another name."""
        _, last_id, at_s = objects.read_cursor(call.request.args["cursor"])
        told["Resources"] = []
        told["nextCursor"] = objects.cursor_of(call.page + 1, last_id, at_s, "again")

    def _loop(self, armed: Armed, call: Call, told: dict[str, Any]) -> None:
        """Ever-new cursors that lead to the first rows again."""
        if call.page >= int(armed.number("loop", 3)):
            told["nextCursor"] = objects.cursor_of(1, "", self._scim.clock.now(), str(armed.fired))


def _as_200(answer: Answer) -> Answer:
    answer.status = 200
    return answer


def _older(row: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """A copy of the row as it may have been an hour before its last change."""
    before = iso(parse_iso(row["meta"]["lastModified"]) - 3600)
    return {**row, **changed, "meta": {**row["meta"], "lastModified": before}}


def _flap(armed: Armed, rows: list[Any], *, is_last: bool) -> list[Any]:
    """One person is inactive on the first page, and active again at the end of the last."""
    if "person" not in armed.memory:
        place = next((n for n, row in enumerate(rows) if row["active"] is True), None)
        if place is None:
            return rows
        armed.memory["person"] = rows[place]
        armed.memory["touched"] = [str(rows[place]["id"])]
        rows = [*rows[:place], _older(rows[place], active=False), *rows[place + 1 :]]
    if is_last:
        rows = [*rows, armed.memory.pop("person")]
    return rows


def _capitals(value: Any) -> Any:
    """The same JSON with attribute names that begin with a capital; the names of messages stay."""
    if isinstance(value, list):
        return [_capitals(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {"schemas", "totalResults", "startIndex", "itemsPerPage", "nextCursor"}
    return {
        key if key in kept or ":" in key else key[:1].upper() + key[1:]: _capitals(inner)
        for key, inner in value.items()
    }
