"""Operations on what waits for a person."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from connector.operations import answers
from connector.operations.arguments import PAGE, After, Limit, OfConnection, Ref, Search
from connector.operations.operation import Call, operation
from sync.model.access import Role

How = Annotated[
    Literal["link", "separate", "ignore"],
    Field(description="The same person; an account of her own; leave it as it is."),
]


Kind = Annotated[str | None, Field(max_length=32, description="Only questions of this kind.")]


@operation("GET", "/attention", Role.VIEWER, answers.Questions, rows="attention", cli="attention list")
def list_(
    call: Call,
    *,
    connection: OfConnection = None,
    kind: Kind = None,
    search: Search = None,
    after: After = None,
    limit: Limit = PAGE,
) -> dict[str, Any]:
    """List the questions that are open, oldest first, and how many of each kind there are."""
    return call.app.attention.page(connection, kind=kind, search=search, after=after, limit=limit)


@operation(
    "POST",
    "/attention/resolve",
    Role.OPERATOR,
    answers.Answered,
    cli="attention resolve --all-of KIND --as {how}",
)
def resolve_many(
    call: Call, *, questions: Annotated[list[Ref], Field(min_length=1, max_length=500)], how: How
) -> dict[str, Any]:
    """Answer several questions alike; one that does not take the answer stays open and says why."""
    return call.app.attention.resolve_many(questions, how, by=call.by)


@operation(
    "POST",
    "/attention/{question}/resolve",
    Role.OPERATOR,
    answers.Anything,
    cli="attention resolve {question} --as {how}",
)
def resolve(call: Call, *, question: Ref, how: How, user: str | None = None) -> dict[str, Any]:
    """Answer a question; the answer is remembered and carried out at once."""
    done = call.app.attention.resolve(question, how, by=call.by, user_ref=user)
    return {"id": question, "as": how, "done": done}
