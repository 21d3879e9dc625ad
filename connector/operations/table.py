"""Every operation, in the order of the documentation."""

from __future__ import annotations

from typing import Final

from connector.nearest import hint
from connector.operations import (
    accounts,
    attention,
    audit,
    configuration,
    connections,
    events,
    freeze,
    groups,
    hooks,
    keys,
    notices,
    overview,
    plans,
    runs,
    tokens,
    users,
    webhooks,
)
from connector.operations.operation import REGISTERED, Operation

MODULES: Final = (
    connections,
    tokens,
    hooks,
    runs,
    plans,
    users,
    groups,
    attention,
    overview,
    freeze,
    notices,
    webhooks,
    events,
    audit,
    accounts,
    keys,
    configuration,
)

OPERATIONS: Final[tuple[Operation, ...]] = tuple(
    each for module in MODULES for each in REGISTERED.values() if each.function.__module__ == module.__name__
)


def find(name: str) -> Operation:
    """The operation of this name; a mistake of ours when there is none."""
    if name not in REGISTERED:
        raise LookupError(f"there is no operation {name}{hint(name, REGISTERED)}")
    return REGISTERED[name]
