"""Operations on notices: what wants a person, and whether the ways to tell it work."""

from __future__ import annotations

from typing import Any

from connector.operations import answers
from connector.operations.arguments import Limit
from connector.operations.operation import Call, operation
from sync.model.access import Role


@operation("GET", "/notices", Role.VIEWER, answers.Notices, rows="notices", cli="notices list")
def list_(call: Call, *, ended: bool = False, limit: Limit = 100) -> dict[str, Any]:
    """List what wants a person now, the newest first; `ended` adds what is over."""
    return {"notices": call.app.notices.listed(ended=ended, limit=limit)}


@operation("POST", "/notices/test", Role.ADMIN, answers.Sent, cli="notices test")
def test(call: Call) -> dict[str, Any]:
    """Send a word through every channel that is set up, and say how it went."""
    return {"channels": call.app.notices.test()}
