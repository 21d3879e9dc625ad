"""Events out: reading the feed, calling a fast receiver, and a fast one beside a slow one.

    python -m benchmarks.events                            # 10,000 events on SQLite and PostgreSQL
    python -m benchmarks.events --events 2000 --database sqlite

The program runs as ``connector serve`` in a process of its own; the receiver is another one. Prints
JSON: events per second by the clock, and the program's CPU seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from benchmarks import databases

PAGE = 500
KEY = "a-key-for-the-benchmark-and-nothing-else"
LIMIT_S = 300.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--database", action="append", choices=databases.NAMES)
    chosen = parser.parse_args()
    found = {}
    for name in chosen.database or databases.NAMES:
        found[name] = {"feed": _on(name, chosen.events, _feed)}
        found[name] |= {"to a fast receiver": _on(name, chosen.events, _fast)}
        found[name] |= {"to a fast one beside a slow one": _on(name, chosen.events, _beside)}
    print(json.dumps(found, indent=2))


def _on(name: str, events: int, measure: Any) -> dict[str, Any]:
    """One measurement on a database of its own that holds so many events."""
    with databases.empty(name) as url:
        os.environ |= {"CONNECTOR_DATABASE_URL": url, "CONNECTOR_KEY": "k" * 43 + "="}
        os.environ |= {"CONNECTOR_API_KEY": KEY}
        os.environ |= {"CONNECTOR_WEBHOOKS__ALLOW_PRIVATE": "true", "CONNECTOR_LOG__FORMAT": "json"}
        _make(url, events)
        return dict(measure(url, events))


def _make(url: str, events: int) -> None:
    from connector.app import App
    from connector.settings import Settings

    with App(Settings(database_url=url)) as app:
        for start in range(0, events, 1000):
            people = [{"email": f"p{n}@example.com"} for n in range(start, min(start + 1000, events))]
            app.people.add(people, by="benchmark")


def _webhook(url: str, address: str) -> None:
    from connector.app import App
    from connector.settings import Settings

    with App(Settings(database_url=url, webhooks={"allow_private": True})) as app:  # type: ignore[arg-type]
        app.webhooks.add(address, by="benchmark", after=0)


def _feed(_url: str, events: int) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {KEY}"}
    with (
        _daemon() as (address, cpu),
        httpx.Client(base_url=address, trust_env=False, timeout=60, headers=headers) as http,
    ):
        http.get("/api/v1/events", params={"limit": 1}).raise_for_status()
        began, before, after, seen = time.monotonic(), cpu(), 0, 0
        while page := http.get("/api/v1/events", params={"after": after, "limit": PAGE}).json():
            if not page["events"]:
                break
            seen, after = seen + len(page["events"]), page["next"]
        return _figures(events, seen, time.monotonic() - began, cpu() - before)


def _fast(url: str, events: int) -> dict[str, Any]:
    with _receiver() as receiver:
        _webhook(url, f"{receiver}/fast")
        return _delivered(receiver, events)


def _beside(url: str, events: int) -> dict[str, Any]:
    with _receiver() as receiver:
        _webhook(url, f"{receiver}/slow")
        _webhook(url, f"{receiver}/fast")
        return _delivered(receiver, events)


def _delivered(receiver: str, events: int) -> dict[str, Any]:
    until = time.monotonic() + LIMIT_S
    with _daemon() as (_, cpu), httpx.Client(base_url=receiver, trust_env=False) as http:
        while time.monotonic() < until:
            counted = http.get("/").json()
            fast = counted.get("/fast", {"calls": 0})
            if fast["calls"] >= events:
                found = _figures(events, fast["calls"], fast["last_at"] - fast["first_at"], cpu())
                return found | {"slow one has": counted.get("/slow", {}).get("calls", 0)}
            time.sleep(0.2)
    raise SystemExit(f"only {fast['calls']} of {events} were delivered in {LIMIT_S:g} s")


def _figures(wanted: int, got: int, seconds: float, cpu_s: float) -> dict[str, Any]:
    if got != wanted:
        raise SystemExit(f"{got} events came where there are {wanted}")
    rate = round(got / seconds) if seconds else None
    return {"events": got, "seconds": round(seconds, 2), "per_second": rate, "cpu_s": round(cpu_s, 2)}


@contextmanager
def _receiver() -> Iterator[str]:
    with _process("benchmarks.receiver", stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"


@contextmanager
def _daemon() -> Iterator[tuple[str, Any]]:
    """The address of a running daemon, and a function that gives its CPU seconds until now."""
    with _process("connector", "serve", "--port", "0", stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        for line in process.stderr:
            said = json.loads(line) if line.startswith("{") else {}
            if said.get("event") == "serving":
                yield said["url"], lambda: _cpu_s(process.pid)
                return
        raise SystemExit("the daemon did not start")


@contextmanager
def _process(module: str, *arguments: str, **pipes: Any) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-m", module, *arguments], text=True, **pipes)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


def _cpu_s(pid: int) -> float:
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:  # noqa: PTH123 - not a path of ours
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
