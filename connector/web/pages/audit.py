"""Audit: every change by people and programs, with before and after, by whom and from where."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from connector.app import App
from connector.operations.table import OPERATIONS
from connector.web.view import Place, View, page

PLACE = Place(title="Audit", path="/audit", icon="audit")
NOUNS: Final = sorted({each.name.partition(".")[0] for each in OPERATIONS if not each.reads} | {"sign_in"})


def routes(app: App) -> list[Route]:
    return [page(app, "/audit", audit)]


def audit(view: View) -> Response:
    return view.render("audit.html", list=view.listed("audit.list"), nouns=NOUNS)
