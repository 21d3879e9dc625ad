"""Connections: the list, and one connection tab by tab, each setting with its mistake beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from connector.app import App
from connector.directory_settings import TYPES
from connector.usecases.connections import merged
from connector.web.field_mistakes import mistakes_of
from connector.web.fields import Fields, last
from connector.web.form_pages import Typed, form_page, go
from connector.web.mapped_fields import mapped_rows, mapping_typed
from connector.web.pages.runs import GOING, progress
from connector.web.setting_fields import fields_of, shown, typed
from connector.web.view import Place, View, page
from connector.web.words import KINDS
from sync.model.errors import ConnectorError

PLACE = Place(title="Connections", path="/connections", icon="connection")
RUNS: Final = 8

TABS: Final = (
    ("", "Overview"),
    ("tokens", "Tokens"),
    ("credentials", "Credentials and scope"),
    ("mapping", "Mapping"),
    ("groups", "Groups"),
    ("safeguards", "Safeguards"),
    ("schedule", "Schedule and hooks"),
    ("log", "SCIM log"),
    ("danger", "Danger"),
)

TRIED: Final = {"credentials": "try", "mapping": "sample", "groups": "sample"}
"""What the second button of a tab asks of the directory, under the settings as typed."""


def routes(app: App) -> list[Route]:
    from connector.web.pages import setup

    one = "/connections/{connection}"
    forms = [
        form_page(app, f"{one}/{tab}", _shown(tab), _answered(tab))
        for tab in ("credentials", "mapping", "groups", "safeguards", "schedule", "log")
    ]
    return [
        page(app, "/connections", connections),
        *setup.routes(app),
        page(app, one, overview),
        page(app, f"{one}/tokens", tokens),
        page(app, f"{one}/danger", danger),
        *(route for routes in forms for route in routes),
    ]


def connections(view: View) -> Response:
    types = [(type, KINDS[type]) for type in TYPES]
    return view.render("connections.html", list=view.listed("connections.list"), types=types)


def overview(view: View) -> Response:
    one = view.ask("connections.show", connection=view.part("connection"))
    view.told("connections.show", connection=one["name"])
    runs = view.ask("runs.list", connection=one["id"], limit=RUNS)["runs"]
    held = view.ask("plans.list", connection=one["id"], state=["held"], limit=1)["plans"]
    last_run = runs[0] if runs else None
    tested = view.request.query_params.get("test") and view.may("connections.test")
    return _tab(
        view, "", one,
        runs=runs,
        last=last_run,
        going=last_run is not None and last_run["state"] in GOING,
        part=progress(last_run) if last_run else None,
        held=held[0]["plan_id"] if held else None,
        tested=view.ask("connections.test", connection=one["id"]) if tested else None,
    )  # fmt: skip


def tokens(view: View) -> Response:
    one = view.ask("connections.show", connection=view.part("connection"))
    return _tab(view, "tokens", one, list=view.listed("tokens.list", connection=one["name"]))


def danger(view: View) -> Response:
    one = view.ask("connections.show", connection=view.part("connection"))
    view.told("connections.remove", connection=one["name"], users="keep")
    others = [each for each in view.connection_names if each != one["name"]]
    return _tab(view, "danger", one, others=others)


def _shown(tab: str) -> Callable[[View, Typed], Response]:
    def show(view: View, so_far: Typed) -> Response:
        one = view.ask("connections.show", connection=view.part("connection"))
        return _form(view, tab, one, so_far)

    return show


def _answered(tab: str) -> Callable[[View, Fields], Response]:
    def answer(view: View, form: Fields) -> Response:
        one = view.ask("connections.show", connection=view.part("connection"))
        given = settings_of(tab, one, form)
        try:
            return _done(view, tab, one, form, given)
        except ConnectorError as error:
            names = [*(field.name for field in fields_of(tab, one["type"])), *form]
            return _form(view, tab, one, Typed(fields=form, mistakes=mistakes_of(error.message, names)), 422)

    return answer


def settings_of(tab: str, one: dict[str, Any], form: Fields) -> dict[str, Any]:
    """The form of a tab as settings."""
    given = typed(fields_of(tab, one["type"]), form, one["type"])
    return merged(given, {"attributes": mapping_typed(form, one)}) if tab == "mapping" else given


def _done(view: View, tab: str, one: dict[str, Any], form: Fields, given: dict[str, Any]) -> Response:
    asked = last(form, "do")
    if asked == "try":
        found = view.ask("connections.try", connection=one["id"], settings=given)
        return _form(view, tab, one, Typed(fields=form, found={"tested": found}))
    if asked == "sample":
        user = last(form, "person").strip()
        found = view.ask("connections.sample", connection=one["id"], settings=given, user=user)
        return _form(view, tab, one, Typed(fields=form, found={"sample": found}))
    if asked == "applications":
        listed = view.ask("connections.applications", connection=one["id"])
        return _form(view, tab, one, Typed(fields=form, found={"listed": listed}))
    if asked == "preview":
        run = view.ask("runs.preview", connection=one["id"], settings=given)
        return go(view, f"/plans/{run['plan_id']}", "Nothing is saved: this is what would change.")
    revision = last(form, "revision") or None
    view.ask("connections.set", connection=one["id"], settings=given, expect_revision=revision)
    return go(view, view.path, "Saved.")


def _form(view: View, tab: str, one: dict[str, Any], so_far: Typed, status: int = 200) -> Response:
    view.told(_TOLD.get(tab, "connections.set"), connection=one["name"])
    return _tab(view, tab, one, status, **form_parts(view, tab, one, so_far), **_further(view, tab, one))


_TOLD: Final = {"groups": "connections.sample", "mapping": "connections.sample"}


def form_parts(view: View, tab: str, one: dict[str, Any], so_far: Typed) -> dict[str, Any]:
    """What the fields' macro needs."""
    fields = fields_of(tab, one["type"])
    values = shown(fields, one)
    if so_far:
        values |= {
            field.name: "true" in so_far.fields.get(field.name, ())
            if field.kind == "check"
            else "" if field.is_secret else last(so_far.fields, field.name)
            for field in fields
        }  # fmt: skip
    return {
        "fields": fields,
        "values": values,
        "mistakes": so_far.mistakes,
        "found": so_far.found,
        "person": last(so_far.fields, "person"),
        "tried": TRIED.get(tab),
        "may_set": view.may("connections.set") and not one["from_file"],
        "mapped": mapped_rows(one, so_far.fields) if tab == "mapping" else [],
    }


def _further(view: View, tab: str, one: dict[str, Any]) -> dict[str, Any]:
    if tab == "schedule":
        return {"hook": view.ask("hooks.show", connection=one["id"])}
    if tab == "log":
        return {"list": view.listed("connections.log", connection=one["name"])}
    return {}


def _tab(view: View, tab: str, one: dict[str, Any], status: int = 200, **context: Any) -> Response:
    home = f"/connections/{quote(one['name'])}"
    if tab not in dict(TABS):
        raise HTTPException(404)
    return view.render(
        f"connection_{tab or 'overview'}.html" if tab in _OWN else "connection_settings.html",
        status,
        one=one,
        home=home,
        tab=tab,
        tabs=[(f"{home}/{name}".rstrip("/"), title, name == tab) for name, title in TABS],
        tab_title=dict(TABS)[tab],
        **context,
    )


_OWN: Final = ("", "tokens", "log", "danger", "schedule", "mapping")
