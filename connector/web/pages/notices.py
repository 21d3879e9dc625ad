"""Notices: what wants or wanted a person, since when, through which channels it was told, and what helps."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from connector.app import App
from connector.web.view import Place, View, page
from sync.model.notice import NoticeKind

PLACE = Place(title="Notices", path="/notices", icon="notice")
KINDS: Final = [(kind.value, kind.value.replace("_", " ")) for kind in NoticeKind]


def routes(app: App) -> list[Route]:
    return [page(app, "/notices", notices)]


def notices(view: View) -> Response:
    found = view.listed("notices.list")
    channels = sorted(view.app.notices.channels)
    return view.render("notices.html", list=found, kinds=KINDS, channels=channels)
