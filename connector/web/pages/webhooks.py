"""Webhooks: addresses that are called with events, and one with its deliveries."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from connector.app import App
from connector.web.view import Place, View, page
from sync.event import ALL_TYPES
from sync.model.webhook import DeliveryState

PLACE = Place(title="Webhooks", path="/webhooks", icon="webhook")
STATES: Final = ("well", "failing", "paused")
TYPES: Final = (*sorted({f"{each.partition('.')[0]}.*" for each in ALL_TYPES}), *ALL_TYPES)
"""Families first: whoever ticks one hears of types that are yet to come too."""


def routes(app: App) -> list[Route]:
    return [page(app, "/webhooks", webhooks), page(app, "/webhooks/{webhook}", webhook)]


def webhooks(view: View) -> Response:
    found = view.listed("webhooks.list")
    return view.render("webhooks.html", list=found, types=TYPES, states=STATES)


def webhook(view: View) -> Response:
    shown = view.ask("webhooks.show", webhook=view.part("webhook"))
    found = view.listed("webhooks.log", webhook=shown["id"])
    states = [each.value for each in DeliveryState]
    return view.render("webhook.html", webhook=shown, list=found, types=TYPES, states=states)
