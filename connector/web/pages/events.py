"""Events: what was told outside, from the newest back, and sending a range of it once more."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from connector.app import App
from connector.web.pages.webhooks import TYPES
from connector.web.view import Place, View, page

PLACE = Place(title="Events", path="/events", icon="event")


def routes(app: App) -> list[Route]:
    return [page(app, "/events", events)]


def events(view: View) -> Response:
    return view.render(
        "events.html",
        list=view.listed("events.newest"),
        types=TYPES,
        webhooks=view.ask("webhooks.list")["webhooks"],
    )
