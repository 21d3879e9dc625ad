"""Needs attention: the questions no rule may answer, each with its answers, one or many at once."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from connector.app import App
from connector.web.view import Place, View, page

PLACE = Place(title="Needs attention", path="/attention", icon="attention", badge="attention")
QUESTIONS: Final = 50


def routes(app: App) -> list[Route]:
    return [page(app, "/attention", attention)]


def attention(view: View) -> Response:
    given = view.given("search", "kind", "connection", "after")
    found = view.ask("attention.list", limit=QUESTIONS, **given)
    view.told("attention.list", **given)
    return view.render(
        "attention.html",
        questions=found["attention"],
        kinds=found["kinds"],
        total=found["total"],
        next=found["next"],
        given=given,
        connections=view.ask("connections.list")["connections"],
        answers=[each for each in ("link", "separate", "ignore") if _taken(each, found["attention"])],
    )


def _taken(answer: str, questions: list[dict[str, list[str]]]) -> bool:
    """Whether some question takes the answer."""
    return any(answer in each["answers"] for each in questions)
