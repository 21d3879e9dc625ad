"""Operations on the audit."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from connector.operations import answers
from connector.operations.arguments import PAGE, Limit, Moment, OfConnection, Search, Sequence, moment
from connector.operations.operation import Call, operation
from sync.model.access import Role

Word = Annotated[str | None, Field(max_length=200)]


@operation("GET", "/audit", Role.VIEWER, answers.AuditRows, rows="audit", cursor="before", cli="audit list")
def list_(
    call: Call,
    *,
    search: Search = None,
    by: Word = None,
    action: Word = None,
    subject: Word = None,
    connection: OfConnection = None,
    since: Moment | None = None,
    until: Moment | None = None,
    before: Sequence | None = None,
    limit: Limit = PAGE,
) -> dict[str, Any]:
    """List what people and programs did here, newest first; `action` may be a whole noun, as `plans`."""
    now = call.app.wires.clock()
    return call.app.audit.listed(
        search=search,
        by=by,
        action=action,
        subject=subject,
        connection=connection,
        since=moment(since, now),
        until=moment(until, now),
        before=before,
        limit=limit,
    )
