"""Runs: the history of pulls, and one run with how far it is and what it changed."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from connector.app import App
from connector.web.view import Place, View, page

PLACE = Place(title="Runs", path="/runs", icon="run")
RUNS: Final = 50
CHANGES: Final = 100
GOING: Final = ("queued", "running")


def routes(app: App) -> list[Route]:
    return [page(app, "/runs", runs), page(app, "/runs/{run}", run)]


def runs(view: View) -> Response:
    given = view.given("connection", "before")
    found = view.ask("runs.list", limit=RUNS, **given)
    view.told("runs.list", **given)
    return view.render(
        "runs.html",
        runs=found["runs"],
        next=found["next"],
        given=given,
        connections=view.ask("connections.list")["connections"],
        going=any(each["state"] in GOING for each in found["runs"]),
    )


def run(view: View) -> Response:
    shown = view.ask("runs.show", run=view.part("run"), changes=False)
    given = view.given("after")
    found = view.ask("runs.changes", run=shown["run_id"], limit=CHANGES, **given)
    view.told("runs.show", run=shown["run_id"])
    return view.render(
        "run.html",
        run=shown,
        changes=found["changes"],
        next=found["next"],
        going=shown["state"] in GOING,
        part=progress(shown),
    )


def progress(shown: dict[str, object]) -> int | None:
    """Hundredths of the work that are done, where that can be known: while it is applied."""
    done, to_do = shown["applied"], shown["to_apply"]
    if not isinstance(done, int) or not isinstance(to_do, int) or not to_do:
        return None
    return min(100, 100 * done // to_do)
