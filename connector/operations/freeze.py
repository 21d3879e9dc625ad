"""Operations that switch removals off and on."""

from __future__ import annotations

from typing import Any

from connector.operations import answers
from connector.operations.arguments import Moment, OfConnection, Text, moment
from connector.operations.operation import Call, operation
from sync.model.access import Role


@operation("GET", "/freezes", Role.VIEWER, answers.Freezes, rows="freezes", cli="freeze list")
def list_(call: Call) -> dict[str, Any]:
    """List what is frozen now."""
    return {"freezes": call.app.freezes.listed()}


@operation("POST", "/freezes", Role.OPERATOR, answers.Freeze, status=201, cli="freeze on")
def on(
    call: Call, *, connection: OfConnection = None, until: Moment | None = None, reason: Text = ""
) -> dict[str, Any]:
    """Hold every removal of one connection, or of all, from now on."""
    ends = moment(until, call.app.wires.clock())
    return call.app.freezes.on(connection, until=ends, by=call.by, reason=reason)


@operation("DELETE", "/freezes", Role.OPERATOR, answers.Thawed, cli="freeze off")
def off(call: Call, *, connection: OfConnection = None) -> dict[str, Any]:
    """End a freeze."""
    return {"ended": call.app.freezes.off(connection, by=call.by)}
