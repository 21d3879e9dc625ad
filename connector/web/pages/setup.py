"""The wizard "Add New Directory Connection": from a name to the first plan, each step an address of its own.

The first step makes the connection, since a directory needs its address and token to push; until
credentials are given it only receives. What is typed is saved step by step, nothing else is.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from connector.app import App
from connector.directory_settings import TYPES
from connector.usecases import shapes
from connector.web.field_mistakes import mistakes_of
from connector.web.fields import Fields, last
from connector.web.form_pages import Typed, form_page, go
from connector.web.pages.runs import GOING, progress
from connector.web.setting_fields import fields_of, shown, typed
from connector.web.view import View
from connector.web.words import KINDS
from sync.discovery import WORDS
from sync.model.errors import ConnectorError, NotFound

STEPS: Final = (
    ("new", "Name and type"),
    ("push", "Push details"),
    ("pull", "Pull credentials"),
    ("scope", "Scope and groups"),
    ("discovery", "What would happen"),
    ("plan", "First plan"),
)
AT_ONCE_S: Final = 3.0
"""A small directory is read by then, and a wrong credential refused."""

SENT_TWICE: Final = timedelta(minutes=5)
"""Within so long the same name and type is the same form again, and later a mistake."""
_TYPES: Final = {"azure": "Azure (Microsoft Entra ID)", "scim": "Generic SCIM v2"}
_NEXT: Final = dict(zip([name for name, _ in STEPS], [name for name, _ in STEPS[1:]], strict=False))


def routes(app: App) -> list[Route]:
    pages = [form_page(app, "/connections/+new", _first, _made)]
    pages += [
        form_page(app, f"/connections/{{connection}}/setup/{name}", _shown(name), _answered(name))
        for name in ("push", "pull", "scope", "discovery", "plan")
    ]
    return [route for both in pages for route in both]


def _first(view: View, so_far: Typed, status: int = 200) -> Response:
    _must(view)
    typed_name, chosen = last(so_far.fields, "name"), last(so_far.fields, "type")
    view.told("connections.add", name=typed_name or "NAME", type=chosen or "T")
    return _step(
        view, "new", None, status,
        types=[(type, _TYPES.get(type, KINDS[type])) for type in TYPES],
        typed_name=typed_name,
        chosen=chosen or "okta",
        mistakes=so_far.mistakes,
    )  # fmt: skip


def _made(view: View, form: Fields) -> Response:
    """Make the connection, and show its address and token: the only time the token is shown."""
    _must(view)
    name, type = last(form, "name").strip(), last(form, "type")
    try:
        made = view.ask("connections.add", name=name, type=type, settings={"mode": "push"})
    except ConnectorError as error:
        known = _sent_twice(view, name, type)
        if known is not None:
            return go(view, _address(known, "push"))
        mistakes = mistakes_of(error.message, ("name", "type"))
        if "" in mistakes and "name" in mistakes[""]:
            mistakes = {"name": mistakes[""]}
        return _first(view, Typed(fields=form, mistakes=mistakes), 422)
    one = view.ask("connections.show", connection=made["id"])
    return _step(view, "push", one, token=made["token"], tokens=[])


def _sent_twice(view: View, name: str, type: str) -> dict[str, Any] | None:
    """The connection that this very form has just made: a reload or a second press sends it again."""
    try:
        one: dict[str, Any] = view.ask("connections.show", connection=name)
    except ConnectorError:
        return None
    lately = shapes.at(view.app.wires.clock() - SENT_TWICE)
    is_new = one["created_at"] >= lately and one["last_complete_at"] is None and one["mode"] == "push"
    return one if is_new and (one["name"], one["type"]) == (name, type) else None


def _shown(name: str) -> Callable[[View, Typed], Response]:
    def show(view: View, so_far: Typed) -> Response:
        _must(view)
        return _of(view, name, view.ask("connections.show", connection=view.part("connection")), so_far)

    return show


def _answered(name: str) -> Callable[[View, Fields], Response]:
    def answer(view: View, form: Fields) -> Response:
        _must(view)
        one = view.ask("connections.show", connection=view.part("connection"))
        try:
            return _DONE[name](view, one, form)
        except ConnectorError as error:
            names = [field.name for field in _fields(name, one)]
            return _of(view, name, one, Typed(fields=form, mistakes=mistakes_of(error.message, names)), 422)

    return answer


def _of(view: View, name: str, one: dict[str, Any], so_far: Typed, status: int = 200) -> Response:
    further = _FURTHER.get(name)
    return _step(
        view, name, one, status,
        mistakes=so_far.mistakes,
        found=so_far.found,
        **_values(name, one, so_far.fields),
        **(further(view, one) if further else {}),
    )  # fmt: skip


def _fields(name: str, one: dict[str, Any]) -> tuple[Any, ...]:
    return fields_of(name, one["type"]) if name in ("pull", "scope") else ()


def _values(name: str, one: dict[str, Any], form: Fields) -> dict[str, Any]:
    fields = _fields(name, one)
    values = shown(fields, one)
    for field in fields if form else ():
        if not field.is_secret:
            is_on = "true" in form.get(field.name, ())
            values[field.name] = is_on if field.kind == "check" else last(form, field.name)
    return {"fields": fields, "values": values}


def _push_done(view: View, one: dict[str, Any], _form: Fields) -> Response:
    """A token anew, for whoever lost the first one."""
    made = view.ask("tokens.rotate", connection=one["id"])
    return _step(view, "push", one, token=made["token"], tokens=[])


def _pull_done(view: View, one: dict[str, Any], form: Fields) -> Response:
    """Prove the rights; only what works is saved, unless the admin says that it is to be saved as it is."""
    given = typed(_fields("pull", one), form, one["type"]) | {"mode": "both"}
    tested = view.ask("connections.try", connection=one["id"], settings=given)
    usable = tested["error"] is None and any(each["state"] == "ok" for each in tested["rights"])
    if not (tested["ready"] or (usable and last(form, "do") == "anyway")):
        told = mistakes_of(tested["error"] or "", [field.name for field in _fields("pull", one)])
        found = {"tested": tested, "usable": usable}
        beside = {name: said for name, said in told.items() if name}
        return _of(view, "pull", one, Typed(fields=form, mistakes=beside, found=found), 422)
    view.ask("connections.set", connection=one["id"], settings=given)
    said = "Every right a pull needs is there." if tested["ready"] else "Saved, with rights missing."
    return go(view, _address(one, "scope"), said)


def _scope_done(view: View, one: dict[str, Any], form: Fields) -> Response:
    given = typed(_fields("scope", one), form, one["type"])
    if last(form, "do") == "applications":
        listed = view.ask("connections.applications", connection=one["id"])
        return _of(view, "scope", one, Typed(fields=form, found={"listed": listed}))
    if last(form, "do") == "sample":
        found = view.ask("connections.sample", connection=one["id"], settings=given)
        return _of(view, "scope", one, Typed(fields=form, found={"sample": found}))
    view.ask("connections.set", connection=one["id"], settings=given)
    return go(view, _address(one, "discovery"))


def _discovery_done(view: View, one: dict[str, Any], _form: Fields) -> Response:
    if not view.may("runs.discover"):
        raise HTTPException(403)
    under_way = view.app.rehearsals.begin_discovery(one["id"], by=view.signed_in.actor.by)
    with suppress(TimeoutError):
        # What fails at once is told beside the form; what takes longer goes on, and the page follows it.
        under_way.result(timeout=AT_ONCE_S)
    return go(view, _address(one, "discovery"))


def _plan_done(view: View, one: dict[str, Any], _form: Fields) -> Response:
    view.ask("runs.request", connection=one["id"], mode="full")
    return go(view, _address(one, "plan"))


_DONE: Final[dict[str, Callable[[View, dict[str, Any], Fields], Response]]] = {
    "push": _push_done,
    "pull": _pull_done,
    "scope": _scope_done,
    "discovery": _discovery_done,
    "plan": _plan_done,
}


def _tokens(view: View, one: dict[str, Any]) -> dict[str, Any]:
    found = view.ask("tokens.list", connection=one["id"])["tokens"]
    return {"tokens": [each for each in found if each["live"]], "token": ""}


def _report(view: View, one: dict[str, Any]) -> dict[str, Any]:
    try:
        report = view.ask("runs.discovered", connection=one["id"])
    except NotFound:
        report = None
    runs = view.ask("runs.list", connection=one["id"], limit=1)["runs"]
    last = runs[0] if runs else None
    going = last is not None and last["state"] in GOING
    failed = last is not None and last["trigger"] == "discover" and last["state"] == "failed"
    return {"report": report, "words": WORDS, "run": last if going or failed else None, "going": going}


def _plan(view: View, one: dict[str, Any]) -> dict[str, Any]:
    runs = [
        run for run in view.ask("runs.list", connection=one["id"], limit=10)["runs"] if not run["dry_run"]
    ]
    newest = runs[0] if runs else None
    held = view.ask("plans.list", connection=one["id"], state=["held"], limit=1)["plans"]
    return {
        "last": newest,
        "going": newest is not None and newest["state"] in GOING,
        "part": progress(newest) if newest else None,
        "held": held[0] if held else None,
    }


_FURTHER: Final = {"push": _tokens, "discovery": _report, "plan": _plan}
_TOLD: Final = {
    "push": "tokens.rotate",
    "pull": "connections.try",
    "scope": "connections.sample",
    "discovery": "runs.discover",
    "plan": "runs.request",
}


def _step(view: View, name: str, one: dict[str, Any] | None, status: int = 200, **context: Any) -> Response:
    if one is not None:
        view.told(_TOLD[name], connection=one["name"])
    place = [each for each, _ in STEPS].index(name)
    back = STEPS[place - 1][0] if place > 1 else ""
    return view.render(
        f"setup_{name}.html",
        status,
        one=one,
        step=name,
        steps=[(title, each == name) for each, title in STEPS],
        title=STEPS[place][1],
        home=f"/connections/{quote(one['name'])}" if one else "/connections",
        address=_address(one, name) if one else view.path,
        back=_address(one, back) if one and back else "",
        following=_address(one, _NEXT.get(name, "")) if one else "",
        **context,
    )


def _address(one: dict[str, Any], step: str) -> str:
    return f"/connections/{quote(one['name'])}/setup/{step}"


def _must(view: View) -> None:
    """403 for whoever may not make connections."""
    if not view.may("connections.add"):
        raise HTTPException(403, "Adding a directory connection needs the role admin.")
