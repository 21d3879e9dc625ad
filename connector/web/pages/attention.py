"""Needs attention: the questions no rule may answer, each with its answers, one or many at once."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from connector.app import App
from connector.web.view import Place, View, page

PLACE = Place(title="Needs attention", path="/attention", icon="attention", badge="attention")


def routes(app: App) -> list[Route]:
    return [page(app, "/attention", attention)]


def attention(view: View) -> Response:
    found = view.listed("attention.list")
    return view.render(
        "attention.html",
        list=found,
        kinds=found.found["kinds"],
        answers=[each for each in ("link", "separate", "ignore") if _taken(each, found.rows)],
    )


def _taken(answer: str, questions: list[dict[str, list[str]]]) -> bool:
    """Whether some question takes the answer."""
    return any(answer in each["answers"] for each in questions)
