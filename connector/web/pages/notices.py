"""Notices: what wants or wanted a person, since when, through which channels it was told, and what helps."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from connector.app import App
from connector.web.view import Place, View, page
from sync.model.notice import NoticeKind

PLACE = Place(title="Notices", path="/notices", icon="notice")
NOTICES: Final = 50
KINDS: Final = [(kind.value, kind.value.replace("_", " ")) for kind in NoticeKind]


def routes(app: App) -> list[Route]:
    return [page(app, "/notices", notices)]


def notices(view: View) -> Response:
    given = view.given("kind", "connection", "ended", "before")
    found = view.ask("notices.list", limit=NOTICES, **given)
    view.told("notices.list", **given)
    return view.render(
        "notices.html",
        notices=found["notices"],
        next=found["next"],
        given=given,
        kinds=KINDS,
        channels=sorted(view.app.notices.channels),
        connections=view.ask("connections.list")["connections"],
    )
