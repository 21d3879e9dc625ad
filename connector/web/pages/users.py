"""Users: search over everybody, and one person with what each directory says, why, and since when."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response
from starlette.routing import Route

from connector.app import App
from connector.web.view import Place, View, page

PLACE = Place(title="Users", path="/users", icon="user")
COUNTED: Final = 10_000
"""The list says how many fit up to here; of more it says that there are more."""

FIELDS: Final = (
    ("email", "E-mail"),
    ("first_name", "First name"),
    ("last_name", "Last name"),
    ("picture_url", "Picture"),
)


def routes(app: App) -> list[Route]:
    return [page(app, "/users", users), page(app, "/users/{user:path}", user)]


def users(view: View) -> Response:
    return view.render("users.html", list=view.listed("users.list", count_max=COUNTED), counted=COUNTED)


def user(view: View) -> Response:
    shown = view.ask("users.show", user=view.part("user"))
    view.told("users.explain", user=shown["email"] or shown["id"])
    explained = view.ask("users.explain", user=shown["id"])
    live = [each for each in shown["directory_users"] if each["deleted_at"] is None]
    return view.render(
        "user.html",
        user=shown,
        readable=readable(view, live),
        explained=explained,
        live=live,
        gone=[each for each in shown["directory_users"] if each["deleted_at"] is not None],
        fields=side_by_side(shown, live),
        by_hand=[each["tag"] for each in shown["tag_sources"] if each["source"] == "by hand"],
        tags=sourced(shown),
        why_tags={each["tag"]: each["because"] for each in explained["tags"]},
    )


def readable(view: View, live: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The directories that can be asked about this person now: those that are pulled and say who she is."""
    if not live or not view.may("runs.request"):
        return []
    pulled = {
        each["name"]
        for each in view.ask("connections.list")["connections"]
        if each["mode"] != "push" and each["state"] == "active"
    }
    return [
        {"connection": each["connection"], "external_id": each["external_id"]}
        for each in live
        if each["external_id"] and each["connection"] in pulled
    ]


def side_by_side(shown: dict[str, Any], live: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row per field: what the account has, and what each directory says; the first that agrees won."""
    rows = []
    for name, title in FIELDS:
        said = [each[name] for each in live]
        winner = next((place for place, value in enumerate(said) if value and value == shown[name]), None)
        rows.append({"title": title, "value": shown[name], "said": said, "winner": winner})
    return rows


def sourced(shown: dict[str, Any]) -> list[dict[str, Any]]:
    """The tags with everything they come from, in words."""
    names = {f"group:{each['id']}": f"group {each['name']}" for each in shown["groups"]}
    found: dict[str, list[str]] = {}
    for each in shown["tag_sources"]:
        source = each["source"]
        found.setdefault(each["tag"], []).append(
            names.get(source, source.replace("connection:", "managed by "))
        )
    return [{"tag": tag, "sources": sources} for tag, sources in found.items()]
