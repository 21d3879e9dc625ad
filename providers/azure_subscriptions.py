"""Graph's subscriptions: what it tells by change notifications, and for how long."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from providers.answers import Answer
from providers.azure_walk import UNITS, VERSION
from providers.failures import Absent
from providers.http import Ask, Wire
from providers.rows import id_of, tolerant_json
from sync.model.errors import Incomplete

RESOURCES: Final = ("/users", "/groups")
_PATH: Final = f"{VERSION}/subscriptions"
_JSON: Final = {"content-type": "application/json"}


class Subscriptions:
    """Makes, renews and ends subscriptions over one line."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def make(self, resource: str, url: str, secret: str, ends_at: datetime) -> str:
        """Graph calls ``url`` before it answers. Joiners and leavers are told as updates too."""
        wanted = {
            "changeType": "updated,deleted",
            "notificationUrl": url,
            "lifecycleNotificationUrl": url,
            "resource": resource,
            "expirationDateTime": _utc(ends_at),
            "clientState": secret,
        }
        what = f"change notifications of {resource}"
        _, made = self._wire.ask(Ask(_PATH, what, UNITS, _JSON, body=msgspec.json.encode(wanted)), _made)
        return made

    def renew(self, subscription_id: str, ends_at: datetime) -> bool:
        body = msgspec.json.encode({"expirationDateTime": _utc(ends_at)})
        return self._is_there(Ask(_path(subscription_id), _ONE, UNITS, _JSON, body=body, method="PATCH"))

    def end(self, subscription_id: str) -> None:
        self._is_there(Ask(_path(subscription_id), _ONE, UNITS, method="DELETE"))

    def _is_there(self, ask: Ask) -> bool:
        try:
            self._wire.ask(ask, lambda _: None)
        except Absent:
            return False
        return True


_ONE: Final = "a subscription of ours"


def _path(subscription_id: str) -> str:
    return f"{_PATH}/{subscription_id}"


def _made(answer: Answer) -> str:
    made = id_of(tolerant_json(answer.body))
    if made is None:
        raise Incomplete("The directory made a subscription without an id; it cannot be renewed.")
    return made


def _utc(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
