"""Settings: who may sign in, API keys, signed-in browsers, and what the configuration says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import Route

from connector.app import App
from connector.web.view import Place, View, page
from sync.model.access import Role

PLACE = Place(title="Settings", path="/settings", icon="settings", role="admin")
ROWS: Final = 50
ROLES: Final = [role.value for role in Role]


def routes(app: App) -> list[Route]:
    return [
        page(app, "/settings", accounts),
        page(app, "/settings/keys", keys),
        page(app, "/settings/sessions", sessions),
        page(app, "/settings/configuration", configuration),
    ]


def accounts(view: View) -> Response:
    found = view.ask("accounts.list", limit=ROWS, **view.given("after"))
    view.told("accounts.list")
    shown = {"accounts": found["accounts"], "next": found["next"], "roles": ROLES}
    return view.render("settings_accounts.html", **shown)


def keys(view: View) -> Response:
    found = view.ask("keys.list", limit=ROWS, **view.given("after"))
    view.told("keys.list")
    return view.render("settings_keys.html", keys=found["keys"], next=found["next"], roles=ROLES)


def sessions(view: View) -> Response:
    given = view.given("account", "after")
    found = view.ask("accounts.sessions", limit=ROWS, **given)
    view.told("accounts.sessions", **given)
    shown = {"sessions": found["sessions"], "next": found["next"], "given": given}
    return view.render("settings_sessions.html", **shown, here=view.signed_in.session.id)


def configuration(view: View) -> Response:
    view.told("overview.settings")
    found = view.ask("overview.settings")["settings"]
    return view.render("settings_configuration.html", sections=list(_sections(found)))


def _sections(settings: Mapping[str, Any]) -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """The settings as tables: those of the top first, then a table per section."""
    plain = [(name, value) for name, value in settings.items() if not isinstance(value, Mapping)]
    yield "The program", plain
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield name, list(_flat(value))


def _flat(section: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in section.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value
