"""What an event hook of an IdP may cause: that somebody is read again, never that something is believed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """One delivery of a hook, reduced to the ids it names (as the IdP writes them).

    ``secrets`` are what the sender shows, all of which have to be the connection's; none proves
    nothing. ``messages`` are the ids of what is told, for telling a repetition. ``everything`` says
    that something changed which no id names: the change feed has to be read. ``unsubscribes`` says
    that the IdP will stop telling, or has: its subscription has to be renewed, or made anew.
    """

    secrets: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    everything: bool = False
    unsubscribes: bool = False


ReadsPings = Callable[[Mapping[str, str], bytes], Ping]
"""Headers (lower-case names) and body to a ping. Raises BadRecord for a body of another shape."""
