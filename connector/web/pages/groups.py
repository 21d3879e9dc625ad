"""Groups: named sets of people in the directories, and one with its members."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from connector.app import App
from connector.web.view import Place, View, page

PLACE = Place(title="Groups", path="/groups", icon="group")
GROUPS: Final = 50
MEMBERS: Final = 50
KINDS: Final = (("user", "people"), ("group", "groups within it"), ("pending", "not seen yet"))


def routes(app: App) -> list[Route]:
    return [page(app, "/groups", groups), page(app, "/groups/{group}", group)]


def groups(view: View) -> Response:
    given = view.given("search", "connection", "after")
    found = view.ask("groups.list", limit=GROUPS, **given)
    view.told("groups.list", **given)
    return view.render(
        "groups.html",
        groups=found["groups"],
        total=found["total"],
        next=found["next"],
        given=given,
        connections=view.ask("connections.list")["connections"],
    )


def group(view: View) -> Response:
    shown = view.ask("groups.show", group=view.part("group"), members=False)
    given = view.given("search", "kind", "after")
    found = view.ask("groups.members", group=shown["id"], limit=MEMBERS, **given)
    view.told("groups.show", group=shown["id"])
    return view.render(
        "group.html",
        group=shown,
        members=found["members"],
        next=found["next"],
        given=given,
        kinds=[(kind, title, shown["kinds"][kind]) for kind, title in KINDS if shown["kinds"][kind]],
    )
