"""The first page: held plans, a card per connection, seats, what changed, and what waits."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from connector.app import App
from connector.web.view import Place, View, page

PLACE = Place(title="Dashboard", path="/", icon="dashboard")


def routes(app: App) -> list[Route]:
    return [page(app, "/", dashboard)]


def dashboard(view: View) -> Response:
    view.told("overview.status")
    days = view.app.dashboard.days()
    most = max((day["given"] + day["changed"] + day["taken"] for day in days), default=0)
    return view.render("dashboard.html", **view.app.dashboard.page(), days=days, most=max(most, 1))
