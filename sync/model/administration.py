"""What an admin asks of a directory now and then, beside the reads of a pull."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An application at the directory, as the people there call it; its assignments can be a scope."""

    id: str
    name: str
    is_active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """An event hook that the directory keeps; ``trouble`` is why it could not verify our address, or ""."""

    id: str
    trouble: str = ""


class Administration(Protocol):
    """A directory opened for one such question. Errors are those of ``sync.model.errors``."""

    def applications(self) -> Sequence[Application]:
        """Every application, by name."""

    def register(self, url: str, secret: str) -> Registration:
        """Have ``url`` called with ``secret`` when something changes; made, or brought up to date."""

    def unregister(self, url: str) -> None:
        """End every hook that calls this address; nothing happens when there is none."""

    def close(self) -> None:
        """Give back connections; safe to call twice."""
