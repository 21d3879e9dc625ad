"""Verbs that pull: plan, apply, sync now, and the runs they make."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connector.cli.door import Door, Verb, example, facts, table, verb
from connector.cli.exits import ExitCode, of_run
from connector.cli.lazy import LazyGroup

if TYPE_CHECKING:
    from sync.model.run import Run, RunMode

_SHOWN = ("run_id", "connection", "mode", "trigger", "state", "started_at", "duration_s")

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

    def request(self, door: Door, name: str, *, dry_run: bool, yes: bool = False) -> Run:
        return door.app.runs.request_named(
            name,
            users=self.users,
            groups=self.groups,
            by=door.by,
            dry_run=dry_run,
            approved_beforehand=yes,
        )[0]


def _mode(*, full: bool, delta: bool) -> RunMode:
    from sync.model.run import RunMode

    if full and delta:
        raise click.UsageError("say --full or --delta, not both")
    return RunMode.DELTA if delta else RunMode.FULL


def _finish(door: Door, run_id: str) -> Run:
    from connector.cli.progress import Progress

    patience_s = PATIENCE_S if door.app.daemon_answers() else 0.0
    with Progress() as progress:
        return door.app.runs.finish(run_id, patience_s=patience_s, watcher=progress)


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
        run = _finish(door, whom.request(door, name, dry_run=True).id)
    else:
        run = _preview(door, name, pairs) if pairs else _dry_run(door, name, _mode(full=full, delta=delta))
    if run.plan_id is None:
        door.show(_run_shape(run), lambda: _run_text(run))
        return of_run(run)
    plan_id = run.plan_id
    if out is not None:
        out.write_bytes(door.app.plans.document(plan_id))
    steps = f"{trace_text(run)}\n\n" if run.trace else ""
    shape = door.app.plans.show(plan_id) | ({"trace": list(run.trace)} if run.trace else {})
    door.show(shape, lambda: steps + door.app.plans.text(plan_id).rstrip("\n"))
    return of_run(run)


def _alone(*, full: bool, delta: bool) -> None:
    if full or delta:
        raise click.UsageError("--user and --group read only who is named; leave --full and --delta out")


def trace_text(run: Run) -> str:
    """The steps of each named subject, as a person reads them."""
    from sync.render import plain

    blocks = []
    for subject in run.trace:
        label = f" ({subject['label']})" if subject["label"] else ""
        lines = [f"{subject['kind']} {subject['external_id']}{label}"]
        lines += [f"  {step['step']:<10} {step['said']}" for step in subject["steps"]]
        blocks.append("\n".join(plain(line) for line in lines))
    return "\n\n".join(blocks)


def _dry_run(door: Door, name: str, mode: RunMode) -> Run:
    run, _ = door.app.runs.request(name, by=door.by, mode=mode, dry_run=True)
    return _finish(door, run.id)


def _preview(door: Door, name: str, pairs: tuple[str, ...]) -> Run:
    from connector.usecases.connections import parse_assignments

    type_ = door.app.connections.find(name).type
    plan_id = door.app.rehearsals.preview(name, parse_assignments(list(pairs), type_), by=door.by)
    return door.app.runs.get(door.app.plans.get(plan_id).run_id)


@click.command(cls=Verb, epilog=example("connector discover acme"))
@click.argument("name")
@verb
def discover(door: Door, name: str) -> int:
    """Before the first run: who would be linked, made or asked about, and what becomes of the seats."""
    from connector.cli.progress import Progress

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
    from connector.usecases.plans import Word

    file = Path(plan)
    if not file.is_file() and not expect_hash:
        yes = yes or asked(door, plan)
    word = Word(expect_hash=expect_hash, exclude=exclude, yes=yes)
    if file.is_file():
        run = door.app.plans.apply_document(file.read_bytes(), by=door.by, word=word)
    else:
        run = door.app.plans.apply(plan, by=door.by, word=word)
    return tell_end(door, run)


def asked(door: Door, plan_id: str) -> bool:
    """Show the plan and ask, where a person is there to be asked; whether somebody was."""
    if door.is_json or not sys.stdin.isatty():
        return False
    click.echo(door.app.plans.text(plan_id))
    click.confirm("Apply this plan?", abort=True)
    return True


def tell_end(door: Door, run: Run) -> int:
    """Wait for a queued run and show what became of it."""
    ended = _finish(door, run.id)
    door.show(_run_shape(ended), lambda: _run_text(ended))
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
    wanted: dict[str, Any] = {"by": door.by, "mode": _mode(full=full, delta=delta), "dry_run": dry_run}
    wanted["approved_beforehand"] = yes
    if whom and name is not None:
        requested = [whom.request(door, name, dry_run=dry_run, yes=yes)]
    elif name is not None:
        requested = [door.app.runs.request(name, **wanted)[0]]
    else:
        requested = door.app.runs.request_all(**wanted)
    if wait:
        requested = [_finish(door, run.id) for run in requested]
    shapes = [_run_shape(run) for run in requested]
    door.show({"runs": shapes} if every else shapes[0], lambda: "\n\n".join(map(_run_text, requested)))
    if not wait and not door.is_json and not door.app.daemon_answers():
        click.echo("No daemon answers: the run waits for one (connector serve); or say --wait.", err=True)
    return max((of_run(run) for run in requested), default=ExitCode.DONE)


@click.group(cls=LazyGroup)
def runs() -> None:
    """Attempts to pull, and what became of them."""


@runs.command("list", cls=Verb, epilog=example("connector runs list --connection acme --limit 5"))
@click.option("--connection", metavar="NAME", help="Only this connection's.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@verb
def list_(door: Door, connection: str | None, limit: int) -> int:
    """List runs, newest first."""
    found = door.app.runs.listed(connection, limit=limit)
    rows = [
        [*(run[key] for key in _SHOWN), words(run["counts"]), run["error"] or "; ".join(run["reasons"][:1])]
        for run in found
    ]
    headers = ("RUN", "CONNECTION", "MODE", "TRIGGER", "STATE", "STARTED", "SECONDS", "CHANGES", "WHY")
    door.show({"runs": found}, lambda: table(headers, rows, "no runs yet"))
    return ExitCode.DONE


@runs.command(cls=Verb, epilog=example("connector runs show 0j5t2kq8m1x7c3v9"))
@click.argument("run_id")
@verb
def show(door: Door, run_id: str) -> int:
    """Show a run and what it changed."""
    shape = door.app.runs.show(run_id)
    run = door.app.runs.get(run_id)
    changes = table(
        ("ACTION", "WHO", "WHY"),
        [[change["action"], change["label"], change["reason"]] for change in shape["changes"]],
        "changed nothing",
    )
    door.show(shape, lambda: f"{_run_text(run)}\n\n{changes}")
    return ExitCode.DONE


@runs.command(cls=Verb, epilog=example("connector runs cancel 0j5t2kq8m1x7c3v9"))
@click.argument("run_id")
@verb
def cancel(door: Door, run_id: str) -> int:
    """End a run that waits or is running; what it has written stays (see runs revert)."""
    run = door.app.runs.cancel(run_id, by=door.by)
    ends = "is cancelled" if run.state.ended else "ends at its next page or batch"
    door.show(_run_shape(run), lambda: f"run {run.id} of {run.connection} {ends}")
    return ExitCode.DONE


@runs.command(cls=Verb, epilog=example("connector runs revert 0j5t2kq8m1x7c3v9 --dry-run"))
@click.argument("run_id")
@click.option("--dry-run", is_flag=True, help="Plan only; change nothing.")
@verb
def revert(door: Door, run_id: str, *, dry_run: bool) -> int:
    """Take back what a run changed, as far as nobody changed it since; safeguards hold here too."""
    return tell_end(door, door.app.runs.revert(run_id, by=door.by, dry_run=dry_run))


def words(counts: dict[str, int]) -> str:
    """The counts that are not zero, in words; "-" when all are."""
    from sync.plan import people_words

    return people_words(counts) if any(counts.values()) else "-"


def _run_shape(run: Run) -> dict[str, Any]:
    from connector.usecases import shapes

    return shapes.run(run)


def _run_text(run: Run) -> str:
    from connector.cli.progress import how_far

    if run.error:
        return f"{run.connection}: {run.error}"
    pairs: list[tuple[str, object]] = [
        ("run", run.id),
        ("connection", run.connection),
        ("state", run.state.value),
    ]
    if run.state.value == "running" and run.phase is not None:
        pairs.append(("phase", f"{run.phase.value}: {how_far(run)}"))
    if run.trace:
        return f"{trace_text(run)}\n\n{facts([*pairs, *_outcome(run)])}"
    return facts([*pairs, *_outcome(run)])


def _outcome(run: Run) -> list[tuple[str, object]]:
    shape = _run_shape(run)
    seconds = None if run.duration_s is None else f"{run.duration_s:.1f} s"
    pairs: list[tuple[str, object]] = []
    pairs += [("plan", run.plan_id), ("changes", words(shape["counts"])), ("took", seconds)]
    pairs += [("why", reason) for reason in run.reasons]
    if run.state.value == "held":
        pairs.append(("next", f"connector plans show {run.plan_id}"))
    return pairs
