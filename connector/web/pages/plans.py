"""Plans: what waits, what was decided, and one plan item by item."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response
from starlette.routing import Route

from connector.app import App
from connector.web.view import Place, View, page
from connector.web.words import to_do
from sync.model.change import COUNTED
from sync.model.run import ItemState, PlanState

PLACE = Place(title="Plans", path="/plans", icon="plan", badge="plans")
ITEMS: Final = 100

ACTIONS: Final = [(action.value, to_do(action.value)) for action in COUNTED]
STATES: Final = [(state.value, state.value) for state in PlanState]
LIVE: Final = ("held", "preview")


def routes(app: App) -> list[Route]:
    return [
        page(app, "/plans", plans),
        page(app, "/plans/left-out", left_out),
        page(app, "/plans/{plan}", plan),
    ]


def plans(view: View) -> Response:
    return view.render("plans.html", list=view.listed("plans.list"), states=STATES)


def left_out(view: View) -> Response:
    return view.render("left_out.html", list=view.listed("plans.excluded"), actions=ACTIONS)


def plan(view: View) -> Response:
    shown = view.ask("plans.show", plan=view.part("plan"), items=False)
    found = view.listed("plans.items", plan=shown["plan_id"], limit=ITEMS)
    counted = view.app.plans.counted(shown["plan_id"])
    return view.render(
        "plan.html",
        plan=shown,
        list=found,
        kinds=kinds(counted),
        item_states=[state.value for state in ItemState if counted[state.value]],
        total=sum(items for by_action in counted.values() for items, _ in by_action.values()),
        held=sum(items for items, _ in counted[ItemState.HELD.value].values()),
        live=shown["state"] in LIVE,
    )


def kinds(counted: dict[str, dict[str, tuple[int, int]]]) -> list[dict[str, Any]]:
    """A line per action: its items, what they add up to, and how many of them wait for a word."""
    found = []
    for action in COUNTED:
        by_state = {state: each[action] for state, each in counted.items() if action in each}
        if by_state:
            items = sum(number for number, _ in by_state.values())
            total = sum(number for _, number in by_state.values())
            held = by_state.get(ItemState.HELD.value, (0, 0))[1]
            found.append({"action": action.value, "items": items, "total": total, "held": held})
    return found
