"""The engine's own cost: a pull beside a bare download-and-parse of the same pages.

    python -m benchmarks.pull                      # 10k users on SQLite
    python -m benchmarks.pull --size 100k --database postgresql+psycopg://…

Every figure comes from a process of its own. Prints JSON: seconds, peak memory, and the ratio of
each kind of run to the floor.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SIZES = {"1k": (1_000, 40, 5_000), "10k": (10_000, 200, 50_000), "100k": (100_000, 2_000, 1_000_000)}
"""users, groups, memberships"""


def main() -> None:
    arguments = _arguments()
    if arguments.child:
        print(json.dumps(_child(arguments.child, arguments.base_url, arguments.token, arguments.database)))
        return
    results = [_measure(size, arguments.database, arguments.repeat) for size in arguments.size]
    print(json.dumps({"machine": _machine(), "results": results}, indent=2))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=SIZES, action="append", default=None)
    parser.add_argument(
        "--database", default="sqlite", help="sqlite, or a PostgreSQL URL of an empty database"
    )
    parser.add_argument("--repeat", type=int, default=3, help="runs of each kind; the median counts")
    for hidden in ("--child", "--base-url", "--token"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.size = arguments.size or ["10k"]
    return arguments


def _measure(size: str, database: str, repeat: int) -> dict[str, Any]:
    users, groups, memberships = SIZES[size]
    with _simulator(users, groups, memberships) as (base_url, token), tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/bench.db" if database == "sqlite" else database

        def run(kind: str) -> dict[str, Any]:
            command = [sys.executable, "-m", "benchmarks.pull", "--child", kind]
            command += ["--base-url", base_url, "--token", token, "--database", url]
            out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            return dict(json.loads(out.splitlines()[-1]))

        run("floor")
        floors = [run("floor") for _ in range(repeat)]
        initial = run("pull")
        unchanged = [run("pull") for _ in range(repeat)]
        changed = []
        for _ in range(repeat):
            _churn(base_url, users)
            changed.append(run("pull"))
        floors += [run("floor") for _ in range(repeat)]
    floor_s = statistics.median(each["seconds"] for each in floors)
    rows = {"initial": [initial], "unchanged": unchanged, "changed_1_percent": changed}
    return {
        "size": size,
        "users": users,
        "groups": groups,
        "memberships": memberships,
        "database": "sqlite" if database == "sqlite" else "postgresql",
        "floor": {"seconds": floor_s, "peak_mib": max(each["peak_mib"] for each in floors)},
        **{kind: _row(measured, floor_s) for kind, measured in rows.items()},
    }


def _row(measured: list[dict[str, Any]], floor_s: float) -> dict[str, Any]:
    seconds = statistics.median(each["seconds"] for each in measured)
    return {
        "seconds": round(seconds, 3),
        "times_floor": round(seconds / floor_s, 2),
        "peak_mib": max(each["peak_mib"] for each in measured),
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


def _child(kind: str, base_url: str, token: str, url: str) -> dict[str, Any]:
    work = _floor if kind == "floor" else _pull
    prepared = work(base_url, token, url)
    next(prepared)
    before = time.perf_counter()
    counts = next(prepared)
    seconds = time.perf_counter() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "peak_mib": round(peak, 1), "counts": counts}


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


def _machine() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "system": platform.system(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "folder": Path.cwd().name,
    }


if __name__ == "__main__":
    main()
