"""Seats: how many are used, through which connection, and who waits for one."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from connector.app import App
from connector.web.view import Place, View, page

PLACE = Place(title="Seats", path="/seats", icon="seat")


def routes(app: App) -> list[Route]:
    return [page(app, "/seats", seats)]


def seats(view: View) -> Response:
    return view.render(
        "seats.html",
        seats=view.ask("overview.seats"),
        list=view.listed("overview.waiting"),
        counts_unmanaged=view.app.settings.seats.count_unmanaged,
    )
