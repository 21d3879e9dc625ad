"""Operations on what waits for a person."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from connector.operations import answers
from connector.operations.arguments import OfConnection, Ref
from connector.operations.operation import Call, operation
from sync.model.access import Role

How = Annotated[
    Literal["link", "separate", "ignore"],
    Field(description="The same person; an account of her own; leave it as it is."),
]


@operation("GET", "/attention", Role.VIEWER, answers.Questions, rows="attention", cli="attention list")
def list_(call: Call, *, connection: OfConnection = None, kind: str | None = None) -> dict[str, Any]:
    """List the questions that are open, oldest first."""
    return {"attention": call.app.attention.listed(connection, kind=kind)}


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
