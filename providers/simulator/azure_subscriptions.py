"""Graph's subscriptions and change notifications: who asked to be told what, until when, and the calls."""

import itertools
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from providers.simulator.azure_calls import Call
from providers.simulator.azure_objects import GRAPH_JSON, Failed
from providers.simulator.clock import Clock, iso, parse_iso
from providers.simulator.directory import Event
from providers.simulator.faults import Board
from providers.simulator.hooks import Hook, Hooks, prove_to_graph
from providers.simulator.wire import Answer

LONGEST_S = 41_760 * 60
SECRET_LONGEST = 128
RESOURCES = {"users": "User", "groups": "Group"}


@dataclass(slots=True, kw_only=True)
class Subscription:
    """One resource told to one address until a time."""

    id: str
    resource: str
    said: dict[str, Any]
    ends_at: float
    hooks: Hooks

    def told(self) -> dict[str, Any]:
        """As Graph shows it."""
        return {**self.said, "id": self.id, "expirationDateTime": iso(self.ends_at)}


class Subscriptions:
    """The subscriptions of one tenant; looks like ``Hooks`` to whoever starts and stops the simulator."""

    def __init__(self, *, clock: Clock, board: Board, tenant_id: str) -> None:
        self._clock, self._board, self._tenant_id = clock, board, tenant_id
        self._held: dict[str, Subscription] = {}
        self._ended: list[Hooks] = []
        self._numbers = itertools.count(1)
        self._serve: dict[str, Callable[[Call], Answer]] = {
            "POST": self._make,
            "PATCH": self._renew,
            "DELETE": self._end,
        }

    def serve(self, call: Call) -> Answer:
        """The answer to an allowed call. Failed when there is none."""
        return self._serve[call.request.method](call)

    def add(self, _hook: Hook) -> None:
        """No admin registers an address by hand at Graph."""
        raise ValueError("subscribe by POST /v1.0/subscriptions, as an app does")

    def told(self) -> list[dict[str, Any]]:
        """Everything that is held and has not ended."""
        return [each.told() for each in self._held.values() if self._is_alive(each)]

    def tell(self, event: Event) -> None:
        """Take an event to be sent to whoever asked for it."""
        for each in self._held.values():
            if self._is_alive(each):
                each.hooks.tell(event)

    def sent(self) -> list[int]:
        """The status of every call so far, once everything that happened until now is sent."""
        every = [*self._ended, *(each.hooks for each in self._held.values())]
        return [status for hooks in every for status in hooks.sent()]

    def stop(self) -> None:
        """Send what is waiting, and no more."""
        for hooks in [*self._ended, *(each.hooks for each in self._held.values())]:
            hooks.stop()

    # ---- calls

    def _make(self, call: Call) -> Answer:
        said = _body(call)
        resource = str(said.get("resource", "")).strip("/").lower()
        secret, url = str(said.get("clientState", "")), str(said.get("notificationUrl", ""))
        if resource not in RESOURCES or not said.get("changeType") or len(secret) > SECRET_LONGEST:
            raise Failed("Request_BadRequest")
        made = Subscription(
            id=str(uuid.UUID(int=next(self._numbers), version=4)),
            resource=resource,
            said={key: value for key, value in said.items() if key != "clientState"},
            ends_at=self._until(said),
            hooks=Hooks(
                lambda events: self._bodies(made, secret, events),
                board=self._board,
                noise=lambda: orjson.dumps({"value": []}),
                proves=prove_to_graph,
                forge=lambda body: body.replace(secret.encode(), b"forged"),
                more={
                    "reauthorize": lambda: self._lifecycle(made, secret, "reauthorizationRequired"),
                    "removed": lambda: self._removed(made, secret),
                },
            ),
        )
        try:
            made.hooks.add(Hook(url=url))
        except ValueError:
            raise Failed("ValidationError", url) from None
        self._held[made.id] = made
        return Answer(status=201, body=orjson.dumps(made.told()), headers=[GRAPH_JSON])

    def _renew(self, call: Call) -> Answer:
        known = self._known(call)
        known.ends_at = self._until(_body(call))
        return Answer(body=orjson.dumps(known.told()), headers=[GRAPH_JSON])

    def _end(self, call: Call) -> Answer:
        known = self._held.pop(self._known(call).id)
        self._ended.append(known.hooks)
        return Answer(status=204, body=b"")

    def _known(self, call: Call) -> Subscription:
        known = self._held.get(str(call.ident))
        if known is None or not self._is_alive(known):
            raise Failed("Request_ResourceNotFound", str(call.ident))
        return known

    def _until(self, said: dict[str, Any]) -> float:
        try:
            ends_at = parse_iso(str(said["expirationDateTime"]))
        except (KeyError, ValueError):
            raise Failed("Request_BadRequest") from None
        if not self._clock.now() < ends_at <= self._clock.now() + LONGEST_S:
            raise Failed("Request_BadRequest")
        return ends_at

    def _is_alive(self, each: Subscription) -> bool:
        return self._clock.now() < each.ends_at

    # ---- notifications

    def _bodies(self, each: Subscription, secret: str, events: Sequence[Event]) -> list[bytes]:
        """One call for some events; none where they are about another resource."""
        told = [
            self._notice(each, secret, ident, change)
            for event in events
            for ident, change in _about(each.resource, event)
        ]
        return [orjson.dumps({"value": told})] if told else []

    def _notice(self, each: Subscription, secret: str, ident: str, change: str) -> dict[str, Any]:
        kind = RESOURCES[each.resource]
        return {
            **self._head(each, secret),
            "id": str(uuid.UUID(int=next(self._numbers), version=4)),
            "changeType": change,
            "resource": f"{kind}s/{ident}",
            "resourceData": {
                "@odata.type": f"#Microsoft.Graph.{kind}",
                "@odata.id": f"{kind}s/{ident}",
                "id": ident,
            },
        }

    def _head(self, each: Subscription, secret: str) -> dict[str, Any]:
        return {
            "subscriptionId": each.id,
            "subscriptionExpirationDateTime": iso(each.ends_at),
            "clientState": secret,
            "tenantId": self._tenant_id,
        }

    def _lifecycle(self, each: Subscription, secret: str, event: str) -> bytes:
        return orjson.dumps({"value": [{**self._head(each, secret), "lifecycleEvent": event}]})

    def _removed(self, each: Subscription, secret: str) -> bytes:
        self._held.pop(each.id, None)
        self._ended.append(each.hooks)
        return self._lifecycle(each, secret, "subscriptionRemoved")


def _about(resource: str, event: Event) -> Iterator[tuple[str, str]]:
    """The objects of this resource that an event is about, and what became of each."""
    if resource == "users":
        if event.person_id is not None and event.kind.startswith("user."):
            yield event.person_id, "deleted" if event.kind == "user.removed" else "updated"
        return
    if event.group_id is not None:
        yield event.group_id, "deleted" if event.kind == "group.removed" else "updated"
    for group_id in event.left:
        yield group_id, "updated"


def _body(call: Call) -> dict[str, Any]:
    try:
        said = orjson.loads(call.request.body)
    except ValueError:
        raise Failed("Request_BadRequest") from None
    if not isinstance(said, dict):
        raise Failed("Request_BadRequest")
    return said
