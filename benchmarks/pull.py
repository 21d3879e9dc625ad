"""The engine's own cost: a pull beside a bare download-and-parse of the same pages.

    python -m benchmarks.pull                                      # 10k users on SQLite
    python -m benchmarks.pull --size 100k --database postgresql    # a server of its own

Every figure comes from a process of its own. Prints JSON: seconds, CPU seconds (user and system, of
that process alone), peak memory, database statements, and the ratio of each kind of run to the floor.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import json
import multiprocessing
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from benchmarks import databases
from connector import memory

SIZES = {"1k": (1_000, 40, 5_000), "10k": (10_000, 200, 50_000), "100k": (100_000, 2_000, 1_000_000)}
"""users, groups, memberships"""

Measured = dict[str, Any]


def main() -> None:
    arguments = _arguments()
    if arguments.child:
        print(json.dumps(_child(arguments)))
        return
    print(json.dumps(report(arguments.size, arguments.database, arguments.repeat), indent=2))


def report(sizes: Sequence[str], names: Sequence[str], repeat: int) -> Measured:
    """Every size on every database."""
    results = [_measure(size, name, repeat) for size in sizes for name in names]
    return {"machine": _machine(), "results": results}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=SIZES, action="append", default=None)
    parser.add_argument(
        "--database", action="append", help="sqlite, postgresql, or a PostgreSQL URL of an empty database"
    )
    parser.add_argument("--repeat", type=int, default=3, help="runs of each kind; the median counts")
    for hidden in ("--child", "--base-url", "--token"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.size = arguments.size or ["10k"]
    arguments.database = arguments.database or ["sqlite"]
    return arguments


def _measure(size: str, name: str, repeat: int) -> Measured:
    users, groups, memberships = SIZES[size]
    with _simulator(users, groups, memberships) as (base_url, token):

        def run(kind: str, url: str) -> Measured:
            command = [sys.executable, "-m", "benchmarks.pull", "--child", kind]
            command += ["--base-url", base_url, "--token", token, "--database", url]
            out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            return dict(json.loads(out.splitlines()[-1]))

        run("floor", "")  # the simulator makes each record when it is first read
        floors = [run("floor", "") for _ in range(repeat)]
        initial = []
        for left in reversed(range(repeat)):
            with databases.empty(name) as url:
                initial.append(run("pull", url))
                if left == 0:
                    unchanged = [run("pull", url) for _ in range(repeat)]
                    changed = [_after_churn(run, url, base_url, users) for _ in range(repeat)]
        floors += [run("floor", "") for _ in range(repeat)]
    rows = {"initial": initial, "unchanged": unchanged, "changed_1_percent": changed}
    floor = _medians(floors)
    return {
        "size": size,
        "users": users,
        "groups": groups,
        "memberships": memberships,
        "database": name if name in databases.NAMES else databases.kind(name),
        "floor": floor,
        **{kind: _row(measured, floor) for kind, measured in rows.items()},
    }


def _after_churn(run: Any, url: str, base_url: str, users: int) -> Measured:
    _churn(base_url, users)
    run("floor", "")
    return dict(run("pull", url))


def _medians(measured: Sequence[Measured]) -> Measured:
    return {
        "seconds": round(statistics.median(each["seconds"] for each in measured), 3),
        "cpu_seconds": round(statistics.median(each["cpu_seconds"] for each in measured), 3),
        "peak_mib": max(each["peak_mib"] for each in measured),
    }


def _row(measured: Sequence[Measured], floor: Measured) -> Measured:
    row = _medians(measured)
    return row | {
        "times_floor": round(row["seconds"] / floor["seconds"], 2),
        "cpu_times_floor": round(row["cpu_seconds"] / floor["cpu_seconds"], 2),
        "statements": measured[-1]["statements"],
        "counts": measured[-1]["counts"],
    }


@contextmanager
def _simulator(users: int, groups: int, memberships: int) -> Iterator[tuple[str, str]]:
    """The directory in a process of its own, ended by us."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(users, groups, memberships, theirs), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("stop")
        process.join(10)
        if process.is_alive():
            process.kill()


def _serve(users: int, groups: int, memberships: int, pipe: Any) -> None:
    from providers.simulator.server import start

    simulator = start("okta", users=users, groups=groups, memberships=memberships)
    pipe.send((simulator.base_url, simulator.credentials["api_token"]))
    pipe.recv()
    simulator.stop()


def _churn(base_url: str, users: int) -> None:
    import httpx

    one_percent = max(1, users // 100)
    body = {
        "joiners": one_percent // 4,
        "leavers": one_percent // 4,
        "movers": one_percent // 2,
        "renames": 1,
    }
    httpx.post(f"{base_url}/_sim/churn", json=body, timeout=120).raise_for_status()


def _child(arguments: argparse.Namespace) -> Measured:
    """One measurement, of what lies between the two steps of the work."""
    work = _floor if arguments.child == "floor" else _pull
    prepared = work(arguments.base_url, arguments.token, arguments.database[0])
    next(prepared)
    gc.collect()
    gc.freeze()
    if work is _pull:
        memory.settle()  # as the daemon does once it serves; it would slow the floor down
    statements = _count_statements() if work is _pull else [0]
    profile = cProfile.Profile() if os.environ.get("BENCHMARK_PROFILE") else None
    before, cpu_before = time.perf_counter(), time.process_time()
    if profile:
        profile.enable()
    counts = next(prepared)
    if profile:
        profile.disable()
        profile.dump_stats(f"{os.environ['BENCHMARK_PROFILE']}-{arguments.child}-{os.getpid()}")
    return {
        "seconds": time.perf_counter() - before,
        "cpu_seconds": time.process_time() - cpu_before,
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "statements": statements[0],
        "counts": counts,
    }


def _count_statements() -> list[int]:
    """A count that grows with each statement sent; COPY goes by the driver and is not in it."""
    from sqlalchemy import Engine, event

    count = [0]

    @event.listens_for(Engine, "before_cursor_execute")
    def sent(*_: Any) -> None:
        count[0] += 1

    return count


def _floor(base_url: str, token: str, _url: str) -> Iterator[dict[str, int]]:
    from benchmarks.floor import download

    yield {}
    yield download(base_url, token)


def _pull(base_url: str, token: str, url: str) -> Iterator[dict[str, int]]:
    """One full pull as the daemon runs it, approved beforehand."""
    from providers.registry import open_source
    from sync.model.connection import Limit, Mode, Policy, Safeguards
    from sync.model.run import RunMode
    from sync.pull import Pull
    from sync.store import connections, migrate, runs
    from sync.store.database import Database
    from sync.store.ids import new_id

    def now() -> datetime:
        return datetime.now(UTC)

    database = Database(url)
    migrate.upgrade(database)
    settings = {"base_url": base_url, "api_token": token}
    with database.write() as conn:
        if not connections.listed(conn):
            connections.add(
                conn, id=new_id(), name="bench", type="okta", mode=Mode.PULL, settings={}, sealed={},
                managed_tag="scim", from_file=False, now=now(),
            )  # fmt: skip
        connection = connections.listed(conn)[0]
        runs.request(
            conn, connection.id, id=new_id(), mode=RunMode.FULL, trigger="manual", by="benchmark", now=now(),
            approved_beforehand=True,
        )  # fmt: skip
    with database.write() as conn:
        claimed = runs.claim(conn, owner="benchmark", lease_s=3600, now=now())
    if claimed is None:
        raise SystemExit("the run could not be claimed")
    lease, run = claimed
    free = Limit(floor=10**9, share=1.0)
    safeguards = Safeguards(
        suspensions=free,
        group_deletions=free,
        member_removals=free,
        tag_removals=free,
        creations=free,
        updates=free,
    )
    pull = Pull(
        database=database,
        lease=lease,
        run=run,
        connection=connection,
        policy=Policy(safeguards=safeguards),
        open_source=lambda: open_source("okta", settings),
        clock=now,
    )
    open_source("okta", settings).close()  # a daemon has loaded its providers long ago
    yield {}
    ended = pull.execute()
    if ended.state.value != "succeeded":
        raise SystemExit(f"the pull ended {ended.state.value}: {ended.error} {ended.reasons}")
    yield {action: count for action, count in ended.counts.items() if count}


def _machine() -> Measured:
    return {
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "system": platform.system(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


if __name__ == "__main__":
    main()
