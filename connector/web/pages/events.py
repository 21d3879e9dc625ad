"""Events: what was told outside, from the newest back, and sending a range of it once more."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response
from starlette.routing import Route

from connector.app import App
from connector.web.view import Place, View, page
from sync.event import ALL_TYPES

PLACE = Place(title="Events", path="/events", icon="event")
EVENTS: Final = 50


def routes(app: App) -> list[Route]:
    return [page(app, "/events", events)]


def events(view: View) -> Response:
    given = view.given("types", "connection", "subject", "before")
    wanted: dict[str, Any] = given | ({"types": [given["types"]]} if "types" in given else {})
    found = view.ask("events.newest", limit=EVENTS, **wanted)
    view.told("events.newest", **given)
    return view.render(
        "events.html",
        events=found["events"],
        next=found["next"],
        given=given,
        types=ALL_TYPES,
        connections=view.ask("connections.list")["connections"],
        webhooks=view.ask("webhooks.list")["webhooks"],
    )
