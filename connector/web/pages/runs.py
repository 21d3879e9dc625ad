"""Runs: the history of pulls, and one run with how far it is and what it changed."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from connector.app import App
from connector.web.view import Place, View, page
from connector.web.words import verb
from sync.model.run import RunMode, RunState

PLACE = Place(title="Runs", path="/runs", icon="run")
CHANGES: Final = 100
GOING: Final = ("queued", "running")
STATES: Final = [state.value for state in RunState]
MODES: Final = [mode.value for mode in RunMode]


def routes(app: App) -> list[Route]:
    return [page(app, "/runs", runs), page(app, "/runs/{run}", run)]


def runs(view: View) -> Response:
    found = view.listed("runs.list")
    going = any(each["state"] in GOING for each in found.rows)
    return view.render("runs.html", list=found, going=going, states=STATES, modes=MODES)


def run(view: View) -> Response:
    shown = view.ask("runs.show", run=view.part("run"), changes=False)
    return view.render(
        "run.html",
        run=shown,
        list=view.listed("runs.changes", run=shown["run_id"], limit=CHANGES),
        kinds=[(action, verb(action)) for action, count in shown["counts"].items() if count],
        going=shown["state"] in GOING,
        part=progress(shown),
    )


def progress(shown: dict[str, object]) -> int | None:
    """Hundredths of the work that are done, where that can be known: while it is applied."""
    done, to_do = shown["applied"], shown["to_apply"]
    if not isinstance(done, int) or not isinstance(to_do, int) or not to_do:
        return None
    return min(100, 100 * done // to_do)
