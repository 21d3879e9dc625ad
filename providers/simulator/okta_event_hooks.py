"""Okta's event hooks as an admin makes them by API: kept, proved by a challenge, and only then called."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson

from providers.simulator.clock import Clock, iso
from providers.simulator.hooks import Hook, Hooks
from providers.simulator.okta_calls import Call, Failed, missing
from providers.simulator.wire import JSON, Answer

MOST = 25


@dataclass(slots=True, kw_only=True)
class EventHook:
    """One hook: what the admin said, and how far it has got."""

    id: str
    said: dict[str, Any]
    created_at: float
    is_active: bool = True
    called: Hook | None = field(default=None)
    """As it is called; None before it was verified."""

    @property
    def url(self) -> str:
        return str(self.said["channel"]["config"]["uri"])

    def told(self, base_url: str) -> dict[str, Any]:
        """As Okta shows it: the header's value is never told again."""
        config = self.said["channel"]["config"]
        shown = {"type": "HEADER", "key": config.get("authScheme", {}).get("key")}
        return {
            "id": self.id,
            "name": self.said["name"],
            "status": "ACTIVE" if self.is_active else "INACTIVE",
            "verificationStatus": "VERIFIED" if self.called else "UNVERIFIED",
            "events": {"type": "EVENT_TYPE", "items": self.said["events"]["items"]},
            "channel": {
                "type": "HTTP",
                "version": "1.0.0",
                "config": {"uri": self.url, "headers": [], "method": "POST", "authScheme": shown},
            },
            "created": iso(self.created_at),
            "createdBy": "00uSimulatedAdmin001",
            "lastUpdated": iso(self.created_at),
            "_links": {"self": {"href": f"{base_url}/api/v1/eventHooks/{self.id}"}},
        }


class EventHooks:
    """The event hooks of one org."""

    def __init__(self, *, hooks: Hooks, clock: Clock) -> None:
        self._hooks, self._clock = hooks, clock
        self._held: dict[str, EventHook] = {}
        self._made = 0
        self.base_url = ""
        self._serve: dict[str, Callable[[Call], Answer]] = {
            "hooks.list": self._list,
            "hooks.create": self._create,
            "hooks.get": self._get,
            "hooks.replace": self._replace,
            "hooks.delete": self._delete,
            "hooks.verify": self._verify,
            "hooks.deactivate": self._deactivate,
        }

    def serve(self, call: Call) -> Answer:
        """The answer to an allowed call. Failed when there is none."""
        return self._serve[call.op](call)

    def _list(self, _call: Call) -> Answer:
        return self._answer([each.told(self.base_url) for each in self._held.values()])

    def _get(self, call: Call) -> Answer:
        return self._answer(self._known(call).told(self.base_url))

    def _create(self, call: Call) -> Answer:
        said = _said(call)
        if len(self._held) >= MOST:
            raise Failed("E0000001", "Api validation failed: eventHook", f"eventHook: at most {MOST}.")
        self._made += 1
        made = EventHook(id=f"who{self._made:017d}", said=said, created_at=self._clock.now())
        self._held[made.id] = made
        return self._answer(made.told(self.base_url))

    def _replace(self, call: Call) -> Answer:
        """Another address has to be verified again; a new secret is used from the next call on."""
        known, said = self._known(call), _said(call)
        was, known.said = known.url, said
        if known.called is not None:
            self._hooks.remove(known.called)
            known.called = None if known.url != was else _hook(known)
            if known.called is not None:
                self._hooks.call(known.called)
        return self._answer(known.told(self.base_url))

    def _verify(self, call: Call) -> Answer:
        known = self._known(call)
        try:
            self._hooks.prove(known.url)
        except ValueError as error:
            raise Failed("E0000001", "Api validation failed: eventHook", f"eventHook: {error}") from None
        if known.called is None:
            known.called = _hook(known)
            self._hooks.call(known.called)
        return self._answer(known.told(self.base_url))

    def _deactivate(self, call: Call) -> Answer:
        known = self._known(call)
        known.is_active = False
        self._silence(known)
        return self._answer(known.told(self.base_url))

    def _delete(self, call: Call) -> Answer:
        known = self._known(call)
        if known.is_active:
            raise Failed("E0000001", "Api validation failed: eventHook", "eventHook: deactivate it first.")
        del self._held[known.id]
        return Answer(status=204)

    def _silence(self, known: EventHook) -> None:
        if known.called is not None:
            self._hooks.remove(known.called)
            known.called = None

    def _known(self, call: Call) -> EventHook:
        found = self._held.get(str(call.ident))
        if found is None:
            raise missing(call.ident, "EventHook")
        return found

    @staticmethod
    def _answer(body: Any) -> Answer:
        return Answer(body=orjson.dumps(body), headers=[JSON])


def _said(call: Call) -> dict[str, Any]:
    """The hook a body describes. Failed for one that Okta would not take."""
    try:
        said: dict[str, Any] = orjson.loads(call.request.body)
        name, items = said["name"], said["events"]["items"]
        url = urlsplit(said["channel"]["config"]["uri"])
    except (ValueError, TypeError, KeyError):
        raise Failed("E0000003") from None
    if not name or not items:
        raise Failed("E0000001", "Api validation failed: eventHook", "events: The list cannot be empty.")
    # Okta calls https only; an address on this machine is what a simulator can call
    if url.scheme != "https" and url.hostname not in ("127.0.0.1", "localhost"):
        raise Failed("E0000001", "Api validation failed: uri", "uri: The URI must be a valid HTTPS URI.")
    return said


def _hook(known: EventHook) -> Hook:
    scheme = known.said["channel"]["config"].get("authScheme") or {}
    headers = {scheme["key"]: scheme["value"]} if scheme.get("key") and scheme.get("value") else {}
    return Hook(url=known.url, headers=headers)
