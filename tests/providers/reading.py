"""Reading a simulated directory to the end, or to the error, without waiting for anything."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from providers.budget import Timeouts
from providers.registry import open_source
from providers.simulator.server import Simulator
from sync.model.errors import ConnectorError
from sync.model.resources import GroupRecord, UserRecord
from sync.model.source import End, Gone, Members, MembersUnread, Page, SetAside, Source

QUICK = Timeouts(connect_s=2.0, read_s=0.4, whole_s=8.0)
PATIENT = Timeouts(connect_s=10.0, read_s=20.0, whole_s=60.0)
"""For answers of megabytes, which a busy machine makes slowly."""


class Time:
    """A clock that moves only when somebody sleeps, and takes the simulator's clock along."""

    def __init__(self, simulator: Simulator | None = None) -> None:
        self.slept_s = 0.0
        self.sleeps: list[float] = []
        self._simulator = simulator
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        return self.slept_s

    def skip(self, seconds: float) -> None:
        with self._lock:
            self.slept_s += seconds
            self.sleeps.append(seconds)
        if self._simulator is not None:
            self._simulator.clock(advance=seconds)


@dataclass
class Reading:
    """All that one walk gave, and how it ended: with an End, with an error, never with both."""

    users: dict[str, UserRecord] = field(default_factory=dict)
    groups: dict[str, GroupRecord] = field(default_factory=dict)
    members: dict[str, set[str]] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    gone: list[Gone] = field(default_factory=list)
    set_aside: list[SetAside] = field(default_factory=list)
    end: End | None = None
    error: ConnectorError | None = None

    @property
    def met(self) -> set[str]:
        """Ids of everybody who was seen, usable or set aside."""
        return {*self.users, *(row.external_id for row in self.set_aside if row.external_id)}

    @property
    def has_anonymous_row(self) -> bool:
        return any(row.external_id is None for row in self.set_aside)

    def take(self, page: Page) -> None:
        assert self.end is None, "pages after the End"
        self.users |= {user.external_id: user for user in page.users}
        self.groups |= {group.external_id: group for group in page.groups}
        self.gone.extend(page.gone)
        self.set_aside.extend(page.set_aside)
        self.end = page.end
        for piece in page.members:
            if isinstance(piece, Members):
                self.members.setdefault(piece.group_id, set()).update(piece.user_ids)
            elif isinstance(piece, MembersUnread):
                self.unread[piece.group_id] = piece.why


def read(pages: Iterable[Page]) -> Reading:
    """Every page until the end or the error."""
    reading = Reading()
    try:
        for page in pages:
            reading.take(page)
    except ConnectorError as error:
        reading.error = error
    return reading


def opened(
    simulator: Simulator, time: Time | None = None, *, timeouts: Timeouts = QUICK, **settings: Any
) -> Source:
    """The provider of this simulator's type on it, with short time-outs and a clock that needs no waiting."""
    time = time or Time(simulator)
    return open_source(
        simulator.type,
        {"base_url": simulator.base_url, **simulator.credentials, **settings},
        budget_s=3600.0,
        monotonic=time.monotonic,
        sleep=time.skip,
        timeouts=timeouts,
    )
