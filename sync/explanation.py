"""An explanation: what is so of one person, and for each thing the facts it follows from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sync.store.times import to_text

BY_HAND: Final = "by hand"
"""The source of what no directory said."""


class State(StrEnum):
    """How a person stands to the application. UNKNOWN_HERE: only named as somebody's member so far."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    NOT_PROVISIONED = "not provisioned"
    UNKNOWN_HERE = "unknown here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Because:
    """One fact. ``source`` is a connection's name, "by hand", or what else it is known from.

    ``run_id`` is None for what a push or a hand did; ``at`` for what has no time of its own.
    """

    fact: str
    source: str
    run_id: str | None = None
    at: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        return {"fact": self.fact, "source": self.source, "run_id": self.run_id, "at": to_text(self.at)}

    def as_text(self) -> str:
        known = [self.source, f"run {self.run_id}" if self.run_id else "", _minute(self.at)]
        return f"{self.fact}  [{', '.join(word for word in known if word)}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One thing that is explained: ``said`` is what it is, by the keys of the JSON contract."""

    said: Mapping[str, Any]
    because: Sequence[Because]

    def as_json(self) -> dict[str, Any]:
        return {**self.said, "because": [each.as_json() for each in self.because]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything about one person. ``user`` is None for somebody without an account.

    ``links`` say how each directory's person came to be this account; ``not_linked`` are people of
    directories who might be, and have no account. ``history`` is newest first.
    """

    label: str
    state: State
    because: Sequence[Because]
    user: Mapping[str, Any] | None = None
    tags: Sequence[Part] = ()
    fields: Sequence[Part] = ()
    links: Sequence[Part] = ()
    not_linked: Sequence[Part] = ()
    seat: Part | None = None
    history: Sequence[Because] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "user": dict(self.user) if self.user is not None else None,
            "label": self.label,
            "state": self.state.value,
            "because": [each.as_json() for each in self.because],
            "tags": [part.as_json() for part in self.tags],
            "fields": [part.as_json() for part in self.fields],
            "links": [part.as_json() for part in self.links],
            "not_linked": [part.as_json() for part in self.not_linked],
            "seat": self.seat.as_json() if self.seat is not None else None,
            "history": [each.as_json() for each in self.history],
        }

    def as_text(self) -> str:
        """A page of text: the state first, then what follows from what."""
        lines = [f"{self.label} is {self.state.value}", *_facts(self.because)]
        for title, parts, name in (
            ("Tags", self.tags, "tag"),
            ("Fields", self.fields, "field"),
            ("Linked to", self.links, "connection"),
            ("Without an account", self.not_linked, "connection"),
            ("Seat", [self.seat] if self.seat else [], "taken"),
        ):
            if parts:
                lines += ["", title]
            for part in parts:
                lines += [f"  {_heading(part, name)}", *_facts(part.because, "    ")]
        if self.history:
            lines += ["", "What happened, newest first", *_facts(self.history)]
        return "\n".join(lines)


def _facts(facts: Sequence[Because], indent: str = "  ") -> list[str]:
    return [f"{indent}- {each.as_text()}" for each in facts]


def _heading(part: Part, name: str) -> str:
    if name == "field":
        return f"{part.said[name]}: {part.said['value'] if part.said['value'] is not None else '—'}"
    if name == "taken":
        return "takes one" if part.said[name] else "takes none"
    if name == "connection":
        return f"{part.said[name]} ({part.said['external_id'] or 'no id of the directory'})"
    return str(part.said[name])


def _minute(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else ""
