"""Settings: who may sign in, API keys, signed-in browsers, and what the configuration says."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from connector.app import App
from connector.web.view import Place, View, page
from sync.model.access import Role

PLACE = Place(title="Settings", path="/settings", icon="settings", role="admin")
SETTINGS: Final = 200
"""On one page: nobody has more."""
ROLES: Final = [role.value for role in Role]


def routes(app: App) -> list[Route]:
    return [
        page(app, "/settings", accounts),
        page(app, "/settings/keys", keys),
        page(app, "/settings/sessions", sessions),
        page(app, "/settings/configuration", configuration),
    ]


def accounts(view: View) -> Response:
    return view.render("settings_accounts.html", list=view.listed("accounts.list"), roles=ROLES)


def keys(view: View) -> Response:
    return view.render("settings_keys.html", list=view.listed("keys.list"), roles=ROLES)


def sessions(view: View) -> Response:
    found = view.listed("accounts.sessions")
    return view.render("settings_sessions.html", list=found, here=view.signed_in.session.id)


def configuration(view: View) -> Response:
    return view.render("settings_configuration.html", list=view.listed("configuration.list", limit=SETTINGS))
