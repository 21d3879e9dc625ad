"""Groups: named sets of people in the directories, and one with its members."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from connector.app import App
from connector.web.view import Place, View, page

PLACE = Place(title="Groups", path="/groups", icon="group")
KINDS: Final = (("user", "people"), ("group", "groups within it"), ("pending", "not seen yet"))


def routes(app: App) -> list[Route]:
    return [page(app, "/groups", groups), page(app, "/groups/{group}", group)]


def groups(view: View) -> Response:
    return view.render("groups.html", list=view.listed("groups.list"))


def group(view: View) -> Response:
    shown = view.ask("groups.show", group=view.part("group"), members=False)
    found = view.listed("groups.members", group=shown["id"])
    return view.render(
        "group.html",
        group=shown,
        list=found,
        kinds=[(kind, title, shown["kinds"][kind]) for kind, title in KINDS if shown["kinds"][kind]],
    )
