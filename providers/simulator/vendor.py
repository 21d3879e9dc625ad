"""What a simulated IdP is to the server around it; the only list of them, each loaded when it is built."""

import importlib
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Protocol

from providers.simulator.clock import Clock
from providers.simulator.directory import Directory, Status
from providers.simulator.faults import Armed, Board
from providers.simulator.wire import Answer, Request

TYPES: Mapping[str, str] = MappingProxyType(
    {
        "okta": "providers.simulator.okta:Okta",
        "azure": "providers.simulator.azure:Azure",
        "onelogin": "providers.simulator.onelogin:OneLogin",
        "jumpcloud": "providers.simulator.jumpcloud:JumpCloud",
        "scim": "providers.simulator.scim:Scim",
    }
)
"""By type, "module:Class". The class has ``ids`` (an IdShape) and takes directory, clock, board and
rate_limits as keywords; it raises ValueError for limits it does not know."""


class Vendor(Protocol):
    """What the server and the control plane need of a simulated IdP.

    ``credentials`` are the settings a connection needs beside ``base_url``. ``running`` counts the
    requests under way. ``scopes`` are those an OAuth client may be registered with.
    """

    type: str
    base_url: str
    running: int
    directory: Directory
    clock: Clock
    board: Board
    statuses: dict[str, Status]
    status_names: dict[Status, str]
    scopes: frozenset[str]
    requests: Counter[str]

    @property
    def credentials(self) -> dict[str, str]: ...

    def answer(self, request: Request) -> Answer:
        """The answer to any request that is not for the control plane."""

    def register(self, *, dpop: bool, scopes: frozenset[str]) -> dict[str, str]:
        """A new OAuth client's id and secret or key."""

    def prepare(self, armed: Armed) -> None:
        """Complete a fault as it is switched on; BadFault for arguments that cannot be."""

    def apply(self, armed: Armed) -> None:
        """Let a fault that acts once act."""

    def forget_faults(self) -> None:
        """Undo what faults made of the answers."""


def chosen(type: str) -> Any:
    """The class of this type. ValueError for an unknown one."""
    if type not in TYPES:
        raise ValueError(f"no simulator of type {type!r}; there are {', '.join(TYPES)}")
    module, _, name = TYPES[type].partition(":")
    return getattr(importlib.import_module(module), name)
