"""Plans: what waits, what was decided, and one plan item by item."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response
from starlette.routing import Route

from connector.app import App
from connector.web.view import Place, View, page
from sync.model.change import COUNTED
from sync.model.run import ItemState, PlanState

PLACE = Place(title="Plans", path="/plans", icon="plan", badge="plans")
ITEMS: Final = 100
PLANS: Final = 50

STATES: Final = [(state.value, state.value) for state in PlanState]
LIVE: Final = ("held", "preview")


def routes(app: App) -> list[Route]:
    return [
        page(app, "/plans", plans),
        page(app, "/plans/left-out", left_out),
        page(app, "/plans/{plan}", plan),
    ]


def plans(view: View) -> Response:
    given = view.given("connection", "state", "before")
    found = view.ask("plans.list", limit=PLANS, **_as_lists(given))
    view.told("plans.list", **given)
    return view.render(
        "plans.html",
        plans=found["plans"],
        next=found["next"],
        given=given,
        states=STATES,
        connections=view.ask("connections.list")["connections"],
    )


def left_out(view: View) -> Response:
    given = view.given("connection", "after")
    found = view.ask("plans.excluded", limit=PLANS, **given)
    view.told("plans.excluded", **given)
    return view.render(
        "left_out.html",
        items=found["excluded"],
        next=found["next"],
        given=given,
        connections=view.ask("connections.list")["connections"],
    )


def plan(view: View) -> Response:
    shown = view.ask("plans.show", plan=view.part("plan"), items=False)
    given = view.given("search", "action", "state", "after")
    found = view.ask("plans.items", plan=shown["plan_id"], limit=ITEMS, **given)
    view.told("plans.show", plan=shown["plan_id"])
    counted = view.app.plans.counted(shown["plan_id"])
    return view.render(
        "plan.html",
        plan=shown,
        items=found["items"],
        next=found["next"],
        given=given,
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


def _as_lists(given: dict[str, str]) -> dict[str, Any]:
    return {name: [value] if name == "state" else value for name, value in given.items()}
