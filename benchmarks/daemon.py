"""The daemon: start to ready, memory, `sync now` to the first request, and many connections on one replica.

    python -m benchmarks.daemon                                      # on SQLite and PostgreSQL
    python -m benchmarks.daemon --database sqlite --connections 100  # and 100 directories, some five minutes

The program runs as ``connector serve`` in a process of its own. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from benchmarks import databases, schedules, served
from connector.app import App
from connector.settings import Settings

ASKED = 100


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--database", action="append", choices=databases.NAMES)
    parser.add_argument(
        "--connections", type=int, default=0, help="directories of 1,000 people to keep to a schedule"
    )
    chosen = parser.parse_args()
    found = {name: _on(name, chosen.connections) for name in chosen.database or databases.NAMES}
    print(json.dumps(found, indent=2))


def _on(name: str, connections: int) -> dict[str, Any]:
    with databases.empty(name) as url:
        os.environ |= {"CONNECTOR_DATABASE_URL": url, "CONNECTOR_KEY": "k" * 43 + "="}
        os.environ |= {"CONNECTOR_LOG__FORMAT": "json"}
        with App(Settings()) as app:
            found = {"start": [_start() for _ in range(5)], "sync_now_ms": _sync_now(app)}
            if connections:
                found["schedules"] = schedules.measure(app, connections)
        return found


def _start() -> dict[str, float]:
    """Seconds by the clock and of CPU until /readyz answers 200, and the memory of a daemon that idles."""
    with served.daemon() as (_, process, began):
        ready_s, cpu_s = time.monotonic() - began, served.cpu_s(process.pid)
        time.sleep(2)
        return {
            "ready_s": round(ready_s, 2),
            "cpu_s": round(cpu_s, 2),
            "idle_mib": served.mib(process.pid, "VmRSS"),
        }


def _sync_now(app: App) -> dict[str, float]:
    """Milliseconds from asking for a run, in another process, to its first request at the directory."""
    with _directory() as (address, came), served.daemon():
        app.connections.add("acme", "okta", {"base_url": address, "api_token": "t" * 42})
        took = [_asked_once(app, came) for _ in range(ASKED)]
    took.sort()
    app.connections.remove("acme", "keep", by="benchmark")
    return {"p50": round(statistics.median(took), 1), "p99": round(took[int(len(took) * 0.99) - 1], 1)}


def _asked_once(app: App, came: list[float]) -> float:
    """One run; the directory refuses it, so that it ends at once."""
    came.clear()
    began = time.monotonic()
    run, _ = app.runs.request("acme", by="benchmark")
    while not came or not app.runs.get(run.id).state.ended:
        time.sleep(0.005)
    return (came[0] - began) * 1000


@contextmanager
def _directory() -> Iterator[tuple[str, list[float]]]:
    """A directory that refuses everybody and notes when it was asked."""
    came: list[float] = []

    class Refuses(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            came.append(time.monotonic())
            self.send_response(401)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refuses)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", came
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


if __name__ == "__main__":
    main()
