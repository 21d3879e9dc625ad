"""Operations on the event hooks of IdPs."""

from __future__ import annotations

from typing import Any

from connector.operations import answers
from connector.operations.arguments import Ref, Span, span
from connector.operations.operation import Call, operation
from sync.model.access import Role


@operation("GET", "/connections/{connection}/hooks", Role.VIEWER, answers.Hook, cli="hooks show {connection}")
def show(call: Call, *, connection: Ref) -> dict[str, Any]:
    """Show where the IdP's event hook is to call, whether it is on, and when it called."""
    return call.app.hooks.shown(connection)


@operation(
    "POST",
    "/connections/{connection}/hooks",
    Role.ADMIN,
    answers.NewHook,
    status=201,
    shows_once=True,
    cli="hooks on {connection}",
)
def on(call: Call, *, connection: Ref, grace: Span = "7d") -> dict[str, Any]:
    """Switch event hooks on, or give them a new secret, the only time it is shown."""
    return call.app.hooks.switch_on(connection, span(grace))


@operation(
    "POST",
    "/connections/{connection}/hooks/register",
    Role.ADMIN,
    answers.Hook,
    cli="hooks register {connection}",
)
def register(call: Call, *, connection: Ref) -> dict[str, Any]:
    """Have the directory make its event hook for our address and verify it; switched on where it is off.

    `subscription_trouble` says why the directory could not verify the address. Only where `registers` is
    true; elsewhere an admin makes the hook by hand.
    """
    return call.app.hooks.register(connection)


@operation(
    "DELETE", "/connections/{connection}/hooks", Role.ADMIN, answers.Hook, cli="hooks off {connection}"
)
def off(call: Call, *, connection: Ref) -> dict[str, Any]:
    """Switch event hooks off: calls are not believed any more."""
    return call.app.hooks.switch_off(connection)
