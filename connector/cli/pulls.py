"""Verbs that pull: plan, apply, sync now, and the runs they make."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from connector.cli.door import Door, Verb, example, facts, verb
from connector.cli.exits import ExitCode, of_run
from connector.cli.lazy import LazyGroup

Shape = dict[str, Any]
"""A run as JSON."""

POLL_S = 0.3
PATIENCE_S = 3.0
"""How long a daemon that answers has to pick a run up before it is done here."""


def full_or_delta(function: Any) -> Any:
    """The options that say how much to read."""
    function = click.option("--delta", is_flag=True, help="Read only what changed since the last read.")(
        function
    )
    return click.option("--full", is_flag=True, help="Read everything (the default).")(function)


def named(function: Any) -> Any:
    """The options that name people and groups to read instead of everything."""
    text = "Read only this group and all its members, by the directory's id."
    function = click.option("--group", "groups", multiple=True, metavar="ID", help=text)(function)
    text = "Read only this person, by the directory's id (or by e-mail or id, when known here)."
    return click.option("--user", "users", multiple=True, metavar="ID", help=text)(function)


@dataclass(frozen=True, slots=True)
class Named:
    """Who is named, and to be read as what."""

    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.users or self.groups)

    def request(self, door: Door, name: str, *, dry_run: bool, yes: bool = False) -> Shape:
        return _ran(
            door.ask(
                "runs.request",
                connection=name,
                users=list(self.users) or None,
                groups=list(self.groups) or None,
                dry_run=dry_run,
                approved=yes,
            )
        )


def _mode(*, full: bool, delta: bool) -> str:
    if full and delta:
        raise click.UsageError("say --full or --delta, not both")
    return "delta" if delta else "full"


def _ran(shape: Shape) -> Shape:
    """A run as it is shown; whether it is new is for programs of the API."""
    return {name: value for name, value in shape.items() if name != "new"}


def _finish(door: Door, run_id: str) -> Shape:
    """Wait for the run's end; without a daemon it is done here."""
    if door.remote is not None:
        return _awaited(door, run_id)
    from connector.cli.progress import Progress
    from connector.usecases import shapes

    patience_s = PATIENCE_S if door.app.daemon_answers() else 0.0
    with Progress() as progress:
        return shapes.run(door.app.runs.finish(run_id, patience_s=patience_s, watcher=progress))


def _awaited(door: Door, run_id: str) -> Shape:
    """Ask the daemon until the run has ended."""
    resting = threading.Event()
    while True:
        run: Shape = door.ask("runs.show", run=run_id, changes=False)
        if run["state"] not in ("queued", "running"):
            return run
        resting.wait(POLL_S)


@click.command(
    cls=Verb,
    epilog=example(
        "connector plan acme",
        "connector plan acme --out plan.json",
        "connector plan acme --user ada@example.com",
        "connector plan acme --with groups.exclude='Temp*'",
    ),
)
@click.argument("name")
@full_or_delta
@named
@click.option("--with", "pairs", multiple=True, metavar="KEY=VALUE", help="As if this setting were saved.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Also write the plan to a file.")
@verb
def plan(
    door: Door,
    name: str,
    *,
    users: tuple[str, ...],
    groups: tuple[str, ...],
    pairs: tuple[str, ...],
    out: Path | None,
    full: bool,
    delta: bool,
) -> int:
    """Read the directory and show what would change; nothing is changed.

    Exits 0 when nothing would, 2 when something would, 3 when a safeguard would hold it. With --with
    nothing is read: what is stored of the directory is planned anew under the other settings. With --user
    or --group only those are read, and each step is shown: found, in scope, matched, compared, decided.
    """
    whom = Named(users, groups)
    if pairs and whom:
        raise click.UsageError("--with plans anew what is stored; say --user and --group without it")
    if whom:
        _alone(full=full, delta=delta)
        run = _finish(door, whom.request(door, name, dry_run=True)["run_id"])
    else:
        run = _preview(door, name, pairs) if pairs else _dry_run(door, name, _mode(full=full, delta=delta))
    plan_id = run["plan_id"]
    if plan_id is None:
        door.show(run, lambda: run_text(run))
        return of_run(run)
    if out is not None:
        out.write_bytes(door.ask("plans.file", plan=plan_id)["text"].encode())
    steps = f"{trace_text(run)}\n\n" if run["trace"] else ""
    shape = door.ask("plans.show", plan=plan_id) | ({"trace": run["trace"]} if run["trace"] else {})
    door.show(shape, lambda: steps + _plan_text(door, plan_id).rstrip("\n"))
    return of_run(run)


def _plan_text(door: Door, plan_id: str) -> str:
    text: str = door.ask("plans.text", plan=plan_id)["text"]
    return text


def _alone(*, full: bool, delta: bool) -> None:
    if full or delta:
        raise click.UsageError("--user and --group read only who is named; leave --full and --delta out")


def trace_text(run: Shape) -> str:
    """The steps of each named subject, as a person reads them."""
    from sync.render import plain

    blocks = []
    for subject in run["trace"]:
        label = f" ({subject['label']})" if subject["label"] else ""
        lines = [f"{subject['kind']} {subject['external_id']}{label}"]
        lines += [f"  {step['step']:<10} {step['said']}" for step in subject["steps"]]
        blocks.append("\n".join(plain(line) for line in lines))
    return "\n\n".join(blocks)


def _dry_run(door: Door, name: str, mode: str) -> Shape:
    return _finish(door, door.ask("runs.request", connection=name, mode=mode, dry_run=True)["run_id"])


def _preview(door: Door, name: str, pairs: tuple[str, ...]) -> Shape:
    from connector.usecases.connections import parse_assignments

    given = parse_assignments(list(pairs), door.ask("connections.show", connection=name)["type"])
    run: Shape = door.ask("runs.preview", connection=name, settings=given)
    return run


@click.command(cls=Verb, epilog=example("connector discover acme", "connector discover acme --last"))
@click.argument("name")
@click.option("--last", is_flag=True, help="Show the last report again, without reading the directory.")
@verb
def discover(door: Door, name: str, *, last: bool) -> int:
    """Before the first run: who would be linked, made or asked about, and what becomes of the seats."""
    from connector.cli.progress import Progress

    if last or door.remote is not None:
        told = door.ask("runs.discovered" if last else "runs.discover", connection=name)
        text = told.pop("text")
        door.show(told, lambda: text)
        return ExitCode.DONE
    with Progress() as progress:
        found = door.app.rehearsals.discover(name, by=door.by, watcher=progress)
    door.show(found.as_json(), lambda: found.as_text().rstrip("\n"))
    return ExitCode.DONE


def word_options(function: Any) -> Any:
    """The options by which a person gives their word on a plan."""
    function = click.option("--yes", is_flag=True, help="Do not ask.")(function)
    function = click.option("--exclude", multiple=True, metavar="ITEM", help="Leave this item out.")(function)
    help_text = "Refuse when the plan is not the one with this hash."
    return click.option("--expect-hash", metavar="H", help=help_text)(function)


@click.command(
    cls=Verb,
    epilog=example("connector apply plan.json --yes", "connector apply 0j5t2k --expect-hash 3f9a02c1"),
)
@click.argument("plan", metavar="FILE|PLAN-ID")
@word_options
@verb
def apply(door: Door, plan: str, expect_hash: str | None, exclude: tuple[str, ...], *, yes: bool) -> int:
    """Carry a plan out, by id or as written by `plan --out`; what a safeguard holds needs your word."""
    file = Path(plan)
    if not file.is_file() and not expect_hash:
        yes = yes or asked(door, plan)
    word = {"expect_hash": expect_hash, "exclude": list(exclude), "yes": yes}
    if file.is_file():
        document = file.read_bytes().decode("utf-8", "replace")
        return tell_end(door, door.ask("plans.apply_file", document=document, **word))
    return tell_end(door, door.ask("plans.apply", plan=plan, **word))


def asked(door: Door, plan_id: str) -> bool:
    """Show the plan and ask, where a person is there to be asked; whether somebody was."""
    if door.is_json or not sys.stdin.isatty():
        return False
    click.echo(_plan_text(door, plan_id))
    click.confirm("Apply this plan?", abort=True)
    return True


def tell_end(door: Door, run: Shape) -> int:
    """Wait for a queued run and show what became of it."""
    ended = _finish(door, run["run_id"])
    door.show(ended, lambda: run_text(ended))
    return of_run(ended)


@click.group(cls=LazyGroup)
def sync() -> None:
    """Pull now, beside the schedule."""


@sync.command(
    cls=Verb,
    epilog=example(
        "connector sync now acme --wait",
        "connector sync now acme --user ada@example.com --wait",
        "connector sync now --all",
    ),
)
@click.argument("name", required=False)
@click.option("--all", "every", is_flag=True, help="Every connection that pulls and is not paused.")
@full_or_delta
@named
@click.option("--dry-run", is_flag=True, help="Plan only; change nothing.")
@click.option("--wait", is_flag=True, help="Wait for the end; without a daemon, do the run here.")
@click.option("--yes", is_flag=True, help="Let a first run proceed without a person looking at its plan.")
@verb
def now(
    door: Door,
    name: str | None,
    *,
    users: tuple[str, ...],
    groups: tuple[str, ...],
    every: bool,
    full: bool,
    delta: bool,
    dry_run: bool,
    wait: bool,
    yes: bool,
) -> int:
    """Ask for a run; a run that is queued already is the answer to a second request.

    With --user or --group only those are read, and nobody else is touched.
    """
    if every == (name is not None):
        raise click.UsageError("name a connection, or say --all")
    whom = Named(users, groups)
    if whom:
        _alone(full=full, delta=delta)
        if name is None:
            raise click.UsageError("--user and --group are about one connection: name it")
    wanted: dict[str, Any] = {"mode": _mode(full=full, delta=delta), "dry_run": dry_run, "approved": yes}
    if whom and name is not None:
        requested = [whom.request(door, name, dry_run=dry_run, yes=yes)]
    elif name is not None:
        requested = [_ran(door.ask("runs.request", connection=name, **wanted))]
    else:
        requested = door.ask("runs.request_all", **wanted)["runs"]
    if wait:
        requested = [_finish(door, run["run_id"]) for run in requested]
    door.show({"runs": requested} if every else requested[0], lambda: "\n\n".join(map(run_text, requested)))
    if not wait and not door.is_json and door.remote is None and not door.app.daemon_answers():
        click.echo("No daemon answers: the run waits for one (connector serve); or say --wait.", err=True)
    return max((of_run(run) for run in requested), default=ExitCode.DONE)


def words(counts: dict[str, int]) -> str:
    """The counts that are not zero, in words; "-" when all are."""
    from sync.plan import people_words

    return people_words(counts) if any(counts.values()) else "-"


def run_text(run: Shape) -> str:
    """A run as people read it."""
    from connector.cli.progress import how_far

    if run["error"]:
        return f"{run['connection']}: {run['error']}"
    pairs: list[tuple[str, object]] = [
        ("run", run["run_id"]),
        ("connection", run["connection"]),
        ("state", run["state"]),
    ]
    if run["state"] == "running" and run["phase"] is not None:
        pairs.append(("phase", f"{run['phase']}: {how_far(run)}"))
    if run["trace"]:
        return f"{trace_text(run)}\n\n{facts([*pairs, *_outcome(run)])}"
    return facts([*pairs, *_outcome(run)])


def _outcome(run: Shape) -> list[tuple[str, object]]:
    seconds = None if run["duration_s"] is None else f"{run['duration_s']:.1f} s"
    pairs: list[tuple[str, object]] = []
    pairs += [("plan", run["plan_id"]), ("changes", words(run["counts"])), ("took", seconds)]
    pairs += [("why", reason) for reason in run["reasons"]]
    if run["state"] == "held":
        pairs.append(("next", f"connector plans show {run['plan_id']}"))
    return pairs
