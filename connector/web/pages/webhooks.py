"""Webhooks: addresses that are called with events, and one with its deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import Route

from connector.app import App
from connector.web.view import Place, View, page
from sync.event import ALL_TYPES
from sync.model.webhook import DeliveryState

PLACE = Place(title="Webhooks", path="/webhooks", icon="webhook")
DELIVERIES: Final = 50
TYPES: Final = (*sorted({f"{each.partition('.')[0]}.*" for each in ALL_TYPES}), *ALL_TYPES)
"""Families first: whoever ticks one hears of types that are yet to come too."""


def routes(app: App) -> list[Route]:
    return [page(app, "/webhooks", webhooks), page(app, "/webhooks/{webhook}", webhook)]


def webhooks(view: View) -> Response:
    found = view.ask("webhooks.list", **view.given("after"))
    view.told("webhooks.list")
    return view.render(
        "webhooks.html",
        webhooks=[each | {"state": state_of(each)} for each in found["webhooks"]],
        next=found["next"],
        types=TYPES,
        connections=view.ask("connections.list")["connections"],
    )


def webhook(view: View) -> Response:
    shown = view.ask("webhooks.show", webhook=view.part("webhook"))
    given = view.given("state", "before")
    found = view.ask("webhooks.log", webhook=shown["id"], limit=DELIVERIES, **given)
    view.told("webhooks.log", webhook=shown["id"], **given)
    return view.render(
        "webhook.html",
        webhook=shown | {"state": state_of(shown)},
        deliveries=found["deliveries"],
        next=found["next"],
        given=given,
        types=TYPES,
        states=[each.value for each in DeliveryState],
    )


def state_of(webhook: Mapping[str, Any]) -> str:
    """How a webhook does, in one word."""
    if not webhook["enabled"]:
        return "paused"
    return "failing" if webhook["failing_since"] else "well"
