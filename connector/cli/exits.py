"""Exit codes: the one place where errors and runs become numbers."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from sync.model.errors import ConnectorError, Denied, Held, Incomplete, Transient
from sync.model.run import RunState


class ExitCode(IntEnum):
    """The contract with scripts; of several the highest applies."""

    DONE = 0
    USAGE = 1
    PENDING = 2
    HELD = 3
    PARTIAL = 4
    DENIED = 5


def of_error(error: ConnectorError) -> ExitCode:
    """What a verb that could not do its work exits with."""
    if isinstance(error, Denied):
        return ExitCode.DENIED
    if isinstance(error, Incomplete | Transient):
        return ExitCode.PARTIAL
    return ExitCode.HELD if isinstance(error, Held) else ExitCode.USAGE


def of_run(run: Mapping[str, Any]) -> ExitCode:
    """A run that could read nothing at all waits for an admin, like one that was denied."""
    state = run["state"]
    if state == RunState.HELD:
        return ExitCode.HELD
    if state in (RunState.FAILED, RunState.PARTIAL, RunState.CANCELLED):
        needs_an_admin = run["error_kind"] in {"denied", "misconfigured"}
        read_nothing = run["pages"] == 0 and run["plan_id"] is None and state != RunState.CANCELLED
        return ExitCode.DENIED if needs_an_admin or read_nothing else ExitCode.PARTIAL
    return ExitCode.PENDING if run["dry_run"] and any(run["counts"].values()) else ExitCode.DONE
