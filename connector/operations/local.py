"""Operations carried out in this process, on its database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.acting import acting
from connector.operations.operation import Call, Operation
from sync.model.access import Actor

if TYPE_CHECKING:
    from connector.app import App


def carry_out(app: App, actor: Actor, operation: Operation, given: dict[str, Any]) -> Any:
    """The operation's answer; what it records names the actor."""
    with acting(actor):
        return operation.carry_out(Call(app=app, actor=actor), given)
