"""Operations that pull: ask for runs, look at them, end them, take them back, and look ahead."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from connector.operations import answers
from connector.operations.arguments import (
    PAGE,
    After,
    Limit,
    OfConnection,
    Ref,
    Search,
    Sequence,
    Settings,
)
from connector.operations.operation import Call, operation
from connector.usecases import shapes
from sync.model.access import Role, Via
from sync.model.change import Action
from sync.model.run import RunMode, RunState

Mode = Annotated[
    Literal["full", "delta"], Field(description="Read everything, or only what changed since the last read.")
]

Named = Annotated[list[Ref], Field(max_length=500, description="Ids; people also by e-mail.")]


def _trigger(call: Call) -> str:
    return "manual" if call.actor.via is Via.CLI else call.actor.via.value


@operation(
    "POST",
    "/connections/{connection}/sync",
    Role.OPERATOR,
    answers.Run,
    status=202,
    cli="sync now {connection}",
)
def request(
    call: Call,
    *,
    connection: Ref,
    mode: Mode = "full",
    users: Named | None = None,
    groups: Named | None = None,
    dry_run: bool = False,
    approved: bool = False,
) -> dict[str, Any]:
    """Ask for a run; one that is queued already is the answer (`new` is then false).

    With `users` or `groups` only these are read, by id. `approved` lets a first run proceed without a
    person looking at its plan.
    """
    wanted: dict[str, Any] = {"by": call.by, "trigger": _trigger(call), "dry_run": dry_run}
    wanted["approved_beforehand"] = approved
    if users or groups:
        run, is_new = call.app.runs.request_named(
            connection, users=users or (), groups=groups or (), **wanted
        )
    else:
        run, is_new = call.app.runs.request(connection, mode=RunMode(mode), **wanted)
    return shapes.run(run) | {"new": is_new}


@operation("POST", "/sync", Role.OPERATOR, answers.Runs, status=202, cli="sync now --all")
def request_all(
    call: Call, *, mode: Mode = "full", dry_run: bool = False, approved: bool = False
) -> dict[str, Any]:
    """Ask for a run of every connection that pulls and is not paused."""
    found = call.app.runs.request_all(
        by=call.by,
        trigger=_trigger(call),
        mode=RunMode(mode),
        dry_run=dry_run,
        approved_beforehand=approved,
    )
    return {"runs": [shapes.run(each) for each in found]}


@operation("GET", "/runs", Role.VIEWER, answers.Runs, rows="runs", cursor="before", cli="runs list")
def list_(
    call: Call,
    *,
    connection: OfConnection = None,
    state: RunState | None = None,
    mode: RunMode | None = None,
    trigger: Annotated[str | None, Field(max_length=32, description="What asked for it: manual, …")] = None,
    before: After = None,
    limit: Limit = PAGE,
) -> dict[str, Any]:
    """List runs, newest first; `before` is `next` of the page before."""
    found = call.app.runs.listed(
        connection, state=state, mode=mode, trigger=trigger, limit=limit, before=before
    )
    return {"runs": found, "next": found[-1]["run_id"] if len(found) == limit else None}


@operation("GET", "/runs/{run}", Role.VIEWER, answers.Run, cli="runs show {run}")
def show(call: Call, *, run: Ref, changes: bool = True) -> dict[str, Any]:
    """Show a run and, unless `changes` is false, everything it changed."""
    return call.app.runs.show(run) if changes else shapes.run(call.app.runs.get(run))


@operation(
    "GET", "/runs/{run}/changes", Role.VIEWER, answers.Changes, rows="changes", cli="runs changes {run}"
)
def changes(
    call: Call,
    *,
    run: Ref,
    search: Search = None,
    action: Action | None = None,
    after: Sequence = 0,
    limit: Limit = PAGE,
) -> dict[str, Any]:
    """List what a run changed, in order and page by page."""
    return call.app.runs.changes(run, search=search, action=action, after=after, limit=limit)


@operation("POST", "/runs/{run}/cancel", Role.OPERATOR, answers.Run, cli="runs cancel {run}")
def cancel(call: Call, *, run: Ref) -> dict[str, Any]:
    """End a run that waits or is running; what it has written stays."""
    return shapes.run(call.app.runs.cancel(run, by=call.by))


@operation("POST", "/runs/{run}/revert", Role.OPERATOR, answers.Run, status=202, cli="runs revert {run}")
def revert(call: Call, *, run: Ref, dry_run: bool = False) -> dict[str, Any]:
    """Take back what a run changed, as far as nobody changed it since; safeguards hold here too."""
    return shapes.run(call.app.runs.revert(run, by=call.by, dry_run=dry_run))


@operation(
    "POST",
    "/connections/{connection}/discover",
    Role.OPERATOR,
    answers.Anything,
    cli="discover {connection}",
)
def discover(call: Call, *, connection: Ref) -> dict[str, Any]:
    """Read the directory and say who would be linked, made or asked about, and what becomes of the seats."""
    found = call.app.rehearsals.discover(connection, by=call.by)
    return found.as_json() | {"text": found.as_text().rstrip("\n")}


@operation(
    "GET",
    "/connections/{connection}/discovery",
    Role.OPERATOR,
    answers.Anything,
    cli="discover {connection} --last",
)
def discovered(call: Call, *, connection: Ref) -> dict[str, Any]:
    """Show the last report of `discover` again, without reading the directory."""
    return call.app.rehearsals.discovered(connection)


@operation(
    "POST",
    "/connections/{connection}/preview",
    Role.OPERATOR,
    answers.Run,
    cli="plan {connection} --with KEY=VALUE",
)
def preview(call: Call, *, connection: Ref, settings: Settings) -> dict[str, Any]:
    """Plan anew what is stored of the directory, as if these settings were saved; nothing is changed."""
    plan_id = call.app.rehearsals.preview(connection, settings, by=call.by)
    return shapes.run(call.app.runs.get(call.app.plans.get(plan_id).run_id))
