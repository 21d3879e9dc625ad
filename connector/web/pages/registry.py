"""The console's pages. To add some: a module with ``PLACE`` (its line in the navigation, or None) and
``routes(app)``, listed here in the order of the navigation.
"""

from __future__ import annotations

from typing import Final

from starlette.routing import Route

from connector.app import App
from connector.web.pages import (
    attention,
    audit,
    connections,
    dashboard,
    events,
    groups,
    notices,
    plans,
    runs,
    seats,
    settings,
    users,
    webhooks,
)
from connector.web.view import Place

MODULES: Final = (
    dashboard,
    connections,
    plans,
    attention,
    runs,
    users,
    groups,
    seats,
    events,
    webhooks,
    notices,
    audit,
    settings,
)

PLACES: Final[tuple[Place, ...]] = tuple(each.PLACE for each in MODULES)


def routes(app: App) -> list[Route]:
    return [route for module in MODULES for route in module.routes(app)]
