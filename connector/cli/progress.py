"""A progress line on a terminal while a run is done here; nothing on a pipe."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from connector.usecases import shapes
from connector.usecases.work import Watcher
from sync.model.run import Phase, Run, RunState
from sync.model.source import Effort

_WORDS = {Phase.READING: "reading the directory", Phase.PLANNING: "planning", Phase.APPLYING: "applying"}


def how_far(run: Mapping[str, Any]) -> str:
    """What is read or written by now, in words."""
    if run["phase"] == Phase.APPLYING:
        return f"{run['applied']:,} of {run['to_apply']:,} changes"
    return f"{run['pages']:,} pages, {run['people']:,} people"


class Progress(Watcher):
    """Hears a run and draws one line on stderr. Use it in a ``with`` block."""

    def __init__(self) -> None:
        self._status: Any = None
        self._said = ""

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console

            self._status = Console(stderr=True).status("waiting for the run to begin")
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def phase(self, run: Run, phase: Phase) -> None:
        self._said = f"{run.connection}: {_WORDS[phase]}"
        self._say("")

    def effort(self, effort: Effort) -> None:
        waited = f", {effort.throttled_s:.0f} s waited as told" if effort.throttled_s >= 1 else ""
        self._say(f", {effort.pages:,} pages, {effort.requests:,} requests{waited}")

    def applied(self, run: Run, done: int) -> None:  # noqa: ARG002 - the protocol names the run
        self._say(f", {done:,} changes")

    def seen(self, run: Run) -> None:
        if run.state is RunState.RUNNING and run.phase is not None:
            self._said = f"{run.connection}: {_WORDS[run.phase]}"
            self._say(f", {how_far(shapes.run(run))}")

    def _say(self, further: str) -> None:
        if self._status is not None:
            self._status.update(self._said + further)
