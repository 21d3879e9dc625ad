"""The admin API under /api/v1: what the command line reads, as JSON, and a pull on demand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connector.app import App
from connector.nearest import hint
from connector.usecases import shapes
from connector.web.feed import WAIT_MAX_S, Feed
from connector.web.guards import require_key
from sync.model.run import PlanState, RunMode

ROOT: Final = "/api/v1"
PAGE: Final = 100
PAGE_MAX: Final = 500
SEQUENCE_MAX: Final = 2**63 - 1
_BOOLEANS: Final = {"true": True, "false": False}

Answer = Callable[[Request], Any]


def routes(app: App, running: Mapping[str, Any]) -> list[Route]:
    feed = Feed(app, stopping=lambda: bool(running.get("draining")))
    reads: dict[str, Answer] = {
        "/users": lambda request: app.people.users(**_users(request)),
        "/users/{ref:path}": lambda request: app.people.user(request.path_params["ref"]),
        "/groups": lambda request: app.people.groups(
            **_chosen(request, ("search", "connection", "after"), numbers={"limit": PAGE})
        ),
        "/groups/{ref}": lambda request: app.people.group(request.path_params["ref"]),
        "/runs": lambda request: {"runs": app.runs.listed(**_listed(request, ("before",)))},
        "/runs/{ref}": lambda request: app.runs.show(request.path_params["ref"]),
        "/plans": lambda request: {"plans": app.plans.listed(**_plans(request))},
        "/plans/{ref}": lambda request: app.plans.show(request.path_params["ref"]),
        "/connections": lambda _: {"connections": app.connections.listed()},
        "/connections/{ref}": lambda request: app.connections.show(request.path_params["ref"]),
        "/seats": lambda _: app.people.seats(),
    }

    def read(answer: Answer) -> Callable[[Request], Response]:
        def endpoint(request: Request) -> Response:
            require_key(request, app.settings)
            return _json(answer(request))

        return endpoint

    def sync(request: Request) -> Response:
        require_key(request, app.settings)
        chosen = _chosen(request, ("mode",))
        mode = _one_of(chosen.get("mode"), "mode", [RunMode.FULL.value, RunMode.DELTA.value])
        run, is_new = app.runs.request(
            request.path_params["ref"], by="api", trigger="api", mode=RunMode(mode) if mode else None
        )
        return _json(shapes.run(run) | {"new": is_new}, 202 if is_new else 200, f"{ROOT}/runs/{run.id}")

    async def events(request: Request) -> Response:
        require_key(request, app.settings)
        return _json(await feed.page(**_events(request)))

    return [
        *(Route(ROOT + path, read(answer), methods=["GET"]) for path, answer in reads.items()),
        Route(ROOT + "/events", events, methods=["GET"]),
        Route(ROOT + "/connections/{ref}/sync", sync, methods=["POST"]),
    ]


def _json(body: Any, status: int = 200, location: str | None = None) -> Response:
    headers = {"Location": location} if location else None
    content = orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS)  # column names are a kind of str
    return Response(content, status, headers, media_type="application/json")


def _users(request: Request) -> dict[str, Any]:
    chosen = _chosen(
        request, ("search", "connection", "tag", "after", "active", "managed"), numbers={"limit": PAGE}
    )
    for name in ("active", "managed"):
        if name in chosen:
            chosen[name] = _BOOLEANS[_one_of(chosen[name], name, list(_BOOLEANS)) or "true"]
    return chosen


def _events(request: Request) -> dict[str, Any]:
    chosen = _chosen(request, ("types",), numbers={"limit": PAGE, "after": 0, "wait": 0})
    chosen["wait_s"] = chosen.pop("wait")
    if "types" in chosen:
        chosen["types"] = [name.strip() for name in chosen["types"].split(",") if name.strip()]
    return chosen


def _listed(request: Request, names: Collection[str]) -> dict[str, Any]:
    chosen = _chosen(request, ("connection", *names), numbers={"limit": 50})
    return {"ref" if name == "connection" else name: value for name, value in chosen.items()}


def _plans(request: Request) -> dict[str, Any]:
    chosen = _listed(request, ("state",))
    state = _one_of(chosen.pop("state", None), "state", [each.value for each in PlanState])
    return chosen | ({"states": [state]} if state else {})


def _chosen(
    request: Request, names: Collection[str], numbers: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """The query's parameters; an unknown name or a number that is none is a 400 with a sentence."""
    numbers = numbers or {}
    known = [*names, *numbers]
    for name in request.query_params:
        if name not in known:
            raise HTTPException(400, f"There is no parameter {name}{hint(name, known)}")
    given = {name: request.query_params[name] for name in names if request.query_params.get(name)}
    return given | {name: _number(request, name, default) for name, default in numbers.items()}


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    least, most = {"limit": (1, PAGE_MAX), "wait": (0, WAIT_MAX_S)}.get(name, (0, SEQUENCE_MAX))
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise HTTPException(400, f"{name} must be a whole number from {least} to {most}.")
    return int(text)


def _one_of(value: str | None, name: str, known: list[str]) -> str | None:
    if value is not None and value not in known:
        raise HTTPException(400, f"{name} must be one of {', '.join(known)}.")
    return value
