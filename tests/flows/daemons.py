"""Runs `connector serve` as a process of its own."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

STOP_LIMIT_S = 30
"""By then a daemon that was told to end hangs; how soon it ends is measured in benchmarks/daemon.py."""


class Daemon:
    """A daemon process and what it logs."""

    def __init__(self, *, port: int = 0, role: str = "all", **settings: str) -> None:
        surroundings = {"CONNECTOR_LISTEN": "127.0.0.1:0", "CONNECTOR_LOG__FORMAT": "json"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "connector", "serve", "--port", str(port), "--role", role],
            env=os.environ | surroundings | settings,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.url: str = self.wait_for("serving")["url"]

    @property
    def address(self) -> str:
        return self.url.removeprefix("http://")

    def wait_for(self, *events: str, limit_s: float = 60) -> dict[str, Any]:
        """The first log line of one of these events, written already or to come."""
        with self._changed:
            self._changed.wait_for(lambda: self._find(events) or not self._reader.is_alive(), limit_s)
            line = self._find(events)
        assert line is not None, f"the daemon never said {' or '.join(events)!r}: {self.lines}"
        return line

    def terminate(self) -> int:
        """Tell it to end, and its exit code; subprocess.TimeoutExpired when it hangs."""
        self.process.terminate()
        return self.process.wait(STOP_LIMIT_S)

    def _find(self, events: tuple[str, ...]) -> dict[str, Any] | None:
        return next((line for line in self.lines if line.get("event") in events), None)

    def _read(self) -> None:
        assert self.process.stderr is not None
        for text in self.process.stderr:
            with self._changed:
                self.lines.append(json.loads(text) if text.startswith("{") else {"text": text})
                self._changed.notify_all()


@contextmanager
def serving_daemon(*, port: int = 0, role: str = "all", **settings: str) -> Iterator[Daemon]:
    """A daemon with the environment as it is and further ``settings`` in it, killed at the end."""
    daemon = Daemon(port=port, role=role, **settings)
    try:
        yield daemon
    finally:
        if daemon.process.poll() is None:
            daemon.process.kill()
        daemon.process.wait()
        daemon._reader.join()
        assert daemon.process.stderr is not None
        daemon.process.stderr.close()
