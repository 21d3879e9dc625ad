"""Operations on notices: what wants a person, and whether the ways to tell it work."""

from __future__ import annotations

from typing import Any

from connector.operations import answers
from connector.operations.arguments import PAGE, After, Limit, OfConnection
from connector.operations.operation import Call, operation
from sync.model.access import Role
from sync.model.notice import NoticeKind


@operation(
    "GET", "/notices", Role.VIEWER, answers.Notices, rows="notices", cursor="before", cli="notices list"
)
def list_(
    call: Call,
    *,
    ended: bool = False,
    kind: NoticeKind | None = None,
    connection: OfConnection = None,
    before: After = None,
    limit: Limit = PAGE,
) -> dict[str, Any]:
    """List what wants a person now and how it was told, the newest first; `ended` adds what is over."""
    found = call.app.notices.listed(ended=ended, kind=kind, connection=connection, before=before, limit=limit)
    return {"notices": found, "next": found[-1]["id"] if len(found) == limit else None}


@operation("POST", "/notices/test", Role.ADMIN, answers.Sent, cli="notices test")
def test(call: Call) -> dict[str, Any]:
    """Send a word through every channel that is set up, and say how it went."""
    return {"channels": call.app.notices.test()}
