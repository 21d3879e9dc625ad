"""How each fault looks at Graph: its own errors, links, deltas and batches, over what all vendors share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from providers.simulator import azure_objects as objects
from providers.simulator.azure_calls import Call, pack
from providers.simulator.azure_login import AADSTS
from providers.simulator.azure_reads import link, origin
from providers.simulator.azure_units import LIMITS
from providers.simulator.body_faults import canned, reshaped, travel
from providers.simulator.common_faults import CommonFaults
from providers.simulator.directory import Status
from providers.simulator.faults import Armed, BadFault
from providers.simulator.truth_faults import ABSENT, some_groups, somebody
from providers.simulator.wire import Answer

if TYPE_CHECKING:
    from providers.simulator.azure import Azure

RIGHTS = {
    "users": ("users.list", "users.get", "users.groups", "users.delta"),
    "groups": ("groups.list", "groups.get", "members", "users.groups", "groups.delta"),
    "members": ("members",),
    "apps": ("apps.list", "apps.get", "apps.users"),
    "photos": ("photo", "photo.bytes"),
    "organization": ("org",),
}
PHOTOS = ("404", "1x1", "no_mailbox", "4MB", "same_bytes")


class AzureFaults(CommonFaults):
    """Applies faults to one simulated tenant."""

    def __init__(self, azure: Azure) -> None:
        super().__init__(azure)
        self._azure = azure
        self.once |= {
            "neighbour": self._neighbour,
            "lag": self._delta_lag,
            "members": self._odd_members,
            "top": self._top,
            "photo": self._photo,
            "no_delta": self._no_delta,
            "replay": self._replay,
            "split_members": self._split_members,
            "omit_member_removal": self._omit_removals,
            "guests": self._guests,
            "rooms": self._rooms,
            "soft_delete": self._leave,
            "hard_delete": self._leave,
            "restore": self._restore,
            "absent_fields": self._absent_fields,
        }
        self._instead: dict[str, Callable[[Armed, Call], Answer | None]] = {
            "throttle": self._throttle,
            "error": self._error,
            "fail": self._fail,
            "deny": self._fail,
            "body": self._body_error,
            "expire_token": self._expire,
            "revoke_token": self._expire,
            "drop_permission": self._drop_permission,
            "cursor": self._cursor,
            "delete_group_between": self._delete_group,
            "aadsts": self._aadsts,
            "unknown_tenant": lambda _armed, _call: self._azure.login.refusal(90002),
            "discovery_down": lambda _armed, _call: Answer(status=503),
            "batch_item": self._batch_item,
            "delta_expired": self._delta_expired,
        }

    def prepare(self, armed: Armed) -> None:
        """Complete a fault as it is switched on. BadFault for arguments that cannot be."""
        if armed.name == "drop_permission":
            right = armed.arg("groups")
            if right not in RIGHTS:
                raise BadFault(f"{armed.spec}: choose one of {', '.join(RIGHTS)}")
            armed.op = armed.op or RIGHTS[right][0]
        if armed.name == "error" and armed.arg() not in objects.KNOWN_CODES:
            raise BadFault(f"{armed.spec}: choose one of {', '.join(sorted(objects.KNOWN_CODES))}")
        if armed.name == "aadsts" and int(armed.number("number", 7000215)) not in AADSTS:
            raise BadFault(f"{armed.spec}: choose one of {', '.join(map(str, AADSTS))}")
        if armed.name == "photo" and armed.arg("404") not in PHOTOS:
            raise BadFault(f"{armed.spec}: choose one of {', '.join(PHOTOS)}")
        if armed.name in ("fail", "deny", "batch_item"):
            armed.number("status", 503)

    # ---- faults that act once

    def _neighbour(self, armed: Armed) -> None:
        units = self._azure.units
        units.limit = min(units.limit, LIMITS["small"])
        units.neighbour_per_s = armed.number("rpm", 200) / 60

    def _delta_lag(self, armed: Armed) -> None:
        if "delta" in armed.named:
            self._azure.sight.delta_lag_s = armed.number("delta", 60)
        else:
            self._lag(armed)

    def _odd_members(self, armed: Armed) -> None:
        sight = self._azure.sight
        marked = {
            "hidden": sight.hidden_members,
            "mixed": sight.mixed_members,
            "soft_deleted": sight.broken_members,
        }
        if armed.arg() in marked:
            marked[armed.arg()].add(some_groups(self._azure.directory, armed)[0].id)
        else:
            self._members(armed)

    def _top(self, armed: Armed) -> None:
        self._azure.sight.most_rows = int(armed.number("rows", 200))

    def _photo(self, armed: Armed) -> None:
        kind = armed.arg("404")
        if kind == "same_bytes":
            self._azure.sight.photo_edition += 1
        else:
            self._azure.sight.photo = kind

    def _no_delta(self, armed: Armed) -> None:
        self._azure.sight.no_delta = int(armed.number("status", 501))

    def _replay(self, _armed: Armed) -> None:
        self._azure.sight.replays = True

    def _split_members(self, armed: Armed) -> None:
        self._azure.sight.members_per_row = int(armed.number("members", 1000))

    def _omit_removals(self, _armed: Armed) -> None:
        self._azure.sight.omits_removals = True

    def _guests(self, armed: Armed) -> None:
        directory = self._azure.directory
        for person in somebody(directory, armed, int(armed.number("people", 10))):
            home = str(person.email)
            upn = f"{home.replace('@', '_')}#EXT#@example.onmicrosoft.com"
            person.wire |= {"userType": "Guest", "userPrincipalName": upn, "mail": None, "otherMails": [home]}
            directory.change_person(person.id)

    def _rooms(self, armed: Armed) -> None:
        directory = self._azure.directory
        for person in somebody(directory, armed, int(armed.number("rooms", 5))):
            person.wire |= {"isResourceAccount": True, "givenName": None, "surname": None}
            directory.change_person(person.id, status=Status.SUSPENDED)

    def _leave(self, armed: Armed) -> None:
        directory = self._azure.directory
        person = somebody(directory, armed)[0]
        if armed.name == "soft_delete":
            directory.change_person(person.id, status=Status.GONE)
        else:
            directory.remove_person(person.id)

    def _restore(self, armed: Armed) -> None:
        people = self._azure.directory.people
        gone = [armed.id] if armed.id else sorted(i for i in people if people[i].status is Status.GONE)
        if not gone:
            gone = [somebody(self._azure.directory, armed)[0].id]
            self._azure.directory.change_person(gone[0], status=Status.GONE)
        armed.memory["touched"] = gone[:1]
        self._azure.directory.restore_person(gone[0])

    def _absent_fields(self, armed: Armed) -> None:
        for person in somebody(self._azure.directory, armed, 1 if armed.id else 3):
            person.wire |= dict.fromkeys(("givenName", "surname", "accountEnabled"), ABSENT)
            self._azure.directory.change_person(person.id)

    # ---- faults that answer

    def answer(self, armed: Armed, call: Call) -> Answer | None:
        """The answer in place of the real one, or None to let that be made."""
        usual = canned(armed, call.request)
        if usual is not None:
            return usual
        return self._instead[armed.name](armed, call) if armed.name in self._instead else None

    def _throttle(self, armed: Armed, call: Call) -> Answer | None:
        wait_s = None if armed.named.get("header") == "none" else int(armed.number("wait", 8))
        if call.op == "token":
            answer = self._azure.login.refusal(90002)
            answer.status = 429
            answer.body = (
                b'{"error":"temporarily_unavailable","error_description":"AADSTS90055: Too many requests."}'
            )
            if wait_s is not None:
                answer.headers.append((b"retry-after", b"%d" % wait_s))
            return answer
        return self._azure.throttled(wait_s)

    def _error(self, armed: Armed, call: Call) -> Answer | None:
        return objects.error(armed.arg("generalException"), str(call.ident))

    def _fail(self, armed: Armed, call: Call) -> Answer | None:
        status = int(armed.number("status", 503 if armed.name == "fail" else 401))
        return objects.error(objects.CODES.get(status, "generalException"), str(call.ident), status=status)

    def _body_error(self, _armed: Armed, _call: Call) -> Answer | None:
        return objects.error("generalException", status=200)

    def _expire(self, _armed: Armed, call: Call) -> Answer | None:
        said = call.request.headers.get(b"authorization", b"").decode("latin-1")
        self._azure.login.forget(said.partition(" ")[2])
        return None

    def _drop_permission(self, armed: Armed, _call: Call) -> Answer | None:
        self._azure.sight.lost_rights.update(RIGHTS[armed.arg("groups")])
        return None

    def _cursor(self, _armed: Armed, call: Call) -> Answer | None:
        return objects.error("Directory_ExpiredPageToken") if call.page > 1 else None

    def _delete_group(self, armed: Armed, call: Call) -> Answer | None:
        self.delete_group(armed, str(call.ident))
        return None

    def _aadsts(self, armed: Armed, _call: Call) -> Answer | None:
        return self._azure.login.refusal(int(armed.number("number", 7000215)))

    def _batch_item(self, armed: Armed, call: Call) -> Answer | None:
        if not call.in_batch:
            armed.seen, armed.fired = armed.seen - 1, armed.fired - 1
            return None
        status = int(armed.number("status", 503))
        if status == 429:
            return self._azure.throttled(3)
        return objects.error(objects.CODES.get(status, "generalException"), str(call.ident), status=status)

    def _delta_expired(self, armed: Armed, call: Call) -> Answer | None:
        if not call.cursor:
            armed.seen, armed.fired = armed.seen - 1, armed.fired - 1
            return None
        kind = armed.arg("400")
        if kind == "404":
            return objects.error("UnknownError")
        if kind == "inner":
            return objects.error("Request_BadRequest", inner="resyncRequired")
        if kind == "410":
            answer = objects.error("resyncRequired")
            answer.headers.append((b"location", self._azure.deltas.fresh_link(call).encode()))
            return answer
        return objects.error("syncStateNotFound")

    # ---- faults at an answer

    def shape(self, armed: Armed, call: Call, answer: Answer) -> Answer:
        """The answer, arriving badly or holding odd rows."""
        travelled = None if call.in_batch else travel(armed, answer)
        if travelled is not None:
            return travelled
        body = _parsed(answer)
        if not isinstance(body, dict) or not isinstance(body.get("value"), list):
            return answer
        if armed.name == "next":
            self._next(armed, call, body)
        elif armed.name == "page":
            self._empty_page(call, body)
        elif armed.name == "flap":
            _flap(armed, body)
        elif armed.name == "double":
            self._double(armed, body)
        elif armed.name == "fewer_properties":
            if call.select in ("", "*"):
                body["value"] = [{"id": row["id"]} for row in body["value"]]
        else:
            rows = reshaped(armed, body["value"], broken=lambda row: {**row, "userPrincipalName": ["odd"]})
            body["value"] = body["value"] if rows is None else rows
        answer.body = orjson.dumps(body)
        return answer

    def _next(self, armed: Armed, call: Call, body: dict[str, Any]) -> None:
        onward = body.get("@odata.nextLink")
        here = f"{origin(call)}{call.request.path}?{call.request.query.decode('latin-1')}"
        if armed.arg() == "self":
            body["@odata.nextLink"] = here
        elif "host" in armed.named:
            if onward is not None:
                path = str(onward).split("/", 3)[3]
                body["@odata.nextLink"] = f"http://{armed.named['host']}/{path}"
        else:
            self._loop(armed, call, body)

    def _loop(self, armed: Armed, call: Call, body: dict[str, Any]) -> None:
        length = int(armed.number("loop", 3))
        if length == 0:
            # the same rows under ever new addresses
            body.pop("@odata.deltaLink", None)
            cursor = {**call.cursor, "n": armed.fired}
            cursor.setdefault("from", -1)
            cursor.setdefault("s", call.select)
            body["@odata.nextLink"] = link(call, "$skiptoken", pack(cursor))
        elif call.page >= length or "@odata.nextLink" not in body:
            query = call.request.query.decode("latin-1")
            kept = "&".join(part for part in query.split("&") if not part.startswith("$skiptoken"))
            body["@odata.nextLink"] = f"{origin(call)}{call.request.path}?{kept}"

    def _empty_page(self, call: Call, body: dict[str, Any]) -> None:
        """No rows, and a next link to the same place under another name."""
        cursor = {**call.cursor, "s": call.select, "p": call.page + 1, "n": 1}
        body["value"] = []
        body["@odata.nextLink"] = link(call, "$skiptoken", pack(cursor))

    def _double(self, armed: Armed, body: dict[str, Any]) -> None:
        """Rows of the first page come again."""
        people = self._azure.directory.people
        shown = [i for i in sorted(people) if people[i].status is not Status.GONE]
        again = shown[:1] if armed.arg("1") == "changed" else shown[: int(armed.number("rows", 1))]
        keys = set(body["value"][0]) if body["value"] else {"id"}
        rows = [{k: v for k, v in objects.user(people[i]).items() if k in keys} for i in again]
        if armed.arg("1") == "changed":
            rows = [{**row, "givenName": "Formerly"} for row in rows]
        armed.memory["touched"] = again
        body["value"] = [*rows, *body["value"]]


def _parsed(answer: Answer) -> Any:
    try:
        return orjson.loads(answer.body)
    except ValueError:
        return None


def _flap(armed: Armed, body: dict[str, Any]) -> None:
    """One person is disabled on the first page, and enabled again at the end of the last."""
    rows = body["value"]
    if "person" not in armed.memory:
        place = next((n for n, row in enumerate(rows) if row.get("accountEnabled")), None)
        if place is None:
            return
        armed.memory["person"], armed.memory["touched"] = rows[place], [rows[place]["id"]]
        rows[place] = {**rows[place], "accountEnabled": False}
    if "@odata.nextLink" not in body:
        rows.append(armed.memory.pop("person"))
