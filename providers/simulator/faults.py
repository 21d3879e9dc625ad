"""Fault switches: reading `name(arguments)@selectors`, and finding those that a request meets."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from providers.simulator.catalogue import CATALOGUE, SWITCHES, Fault, Kind, Switch
from providers.simulator.clock import Clock

__all__ = [
    "ALWAYS",
    "CATALOGUE",
    "SWITCHES",
    "Armed",
    "BadFault",
    "Board",
    "Fault",
    "Kind",
    "known_names",
    "parse",
]

ALWAYS = 1 << 62
_BESIDE = frozenset({"token", "org", "limits", "config", "types"})
"""Operations that are met only by a fault that names them: what surrounds the reading of a directory."""

SELECTORS = frozenset({"op", "page", "nth", "times", "after", "id"})
_SPEC = re.compile(r"\s*([A-Za-z_][A-Za-z_0-9]*)\s*(?:\((.*)\))?\s*((?:@.*)?)", re.DOTALL)
_ROWS = {row.id: row for row in CATALOGUE}


class BadFault(ValueError):
    """The text names no fault, or says something about it that cannot be read."""


@dataclass(slots=True, kw_only=True)
class Armed:
    """One fault that is switched on: what it does, whom it meets, how often it did."""

    switch: Switch
    spec: str
    args: tuple[str, ...] = ()
    named: Mapping[str, str] = field(default_factory=dict)
    op: str | None = None
    page: int | None = None
    id: str | None = None
    nth: int = 1
    times: int = 1
    after_s: float = 0.0
    armed_at: float = 0.0
    seen: int = 0
    fired: int = 0
    memory: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The switch's name."""
        return self.switch.name

    def arg(self, default: str = "") -> str:
        """The first argument that has no name."""
        return self.args[0] if self.args else default

    def number(self, name: str, default: float) -> float:
        """A named argument, else the first unnamed one, as a number. BadFault when it is none."""
        text = self.named.get(name, self.arg(str(default)))
        try:
            return float(text)
        except ValueError:
            raise BadFault(f"{self.spec}: {text!r} is no number") from None

    def meets(self, ops: Sequence[str], page: int, ident: str | None) -> bool:
        """True for a request of this kind, page and id; counts nothing."""
        if self.op is None:
            fits = ops[0] not in _BESIDE
        else:
            fits = any(op == self.op or op.startswith(self.op + ".") for op in ops)
        return fits and self.page in (None, page) and self.id in (None, ident)

    def strikes(self) -> bool:
        """Count one matching request, and say whether the fault acts on it."""
        self.seen += 1
        if self.seen < self.nth or self.fired >= self.times:
            return False
        self.fired += 1
        return True

    def as_json(self) -> dict[str, Any]:
        """What the control plane shows of it."""
        times = "always" if self.times == ALWAYS else self.times
        return {
            "name": self.name,
            "spec": self.spec,
            "seen": self.seen,
            "fired": self.fired,
            "times": times,
            "touched": self.memory.get("touched", []),
        }


def known_names() -> list[str]:
    """Every name and id a fault may be asked for by."""
    return sorted({*SWITCHES, *_ROWS})


def _pairs(text: str) -> list[tuple[str | None, str]]:
    """`a,b=c` as (None, a), (b, c)."""
    found: list[tuple[str | None, str]] = []
    for part in filter(None, (piece.strip() for piece in re.split(r"[,@]", text))):
        key, sign, value = part.partition("=")
        found.append((key.strip(), value.strip()) if sign else (None, part))
    return found


def _split(spec: str) -> tuple[str, str | None, str]:
    match = _SPEC.fullmatch(spec)
    if match is None:
        raise BadFault(f"cannot read fault {spec!r}: write name(arguments)@op=…,page=…,nth=…,times=…,after=…")
    return match[1], match[2], match[3]


def _read(spec: str) -> tuple[str, list[str], dict[str, str], dict[str, str]]:
    """The name, positional arguments, named arguments and selectors of one text."""
    name, inside, outside = _split(spec)
    args: list[str] = []
    named: dict[str, str] = {}
    chosen: dict[str, str] = {}
    for key, value in _pairs(inside or ""):
        if key is None:
            args.append(value)
        else:
            (chosen if key in SELECTORS else named)[key] = value
    for key, value in _pairs(outside):
        if key not in SELECTORS:
            raise BadFault(
                f"{spec!r}: no selector {key or value!r}; there are {', '.join(sorted(SELECTORS))}"
            )
        chosen[key] = value
    return name, args, named, chosen


def parse(spec: str, **selectors: Any) -> Armed:
    """A fault from its text, by switch name or catalogue id; selectors given apart win. Raises BadFault."""
    name, args, named, chosen = _read(spec)
    row = _ROWS.get(name.upper())
    if name not in SWITCHES and row is None:
        near = difflib.get_close_matches(name, known_names(), n=1, cutoff=0.3)
        hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known_names())}"
        raise BadFault(f"unknown fault {name!r}{hint}")
    if name not in SWITCHES and row is not None:
        row_name, row_args, row_named, row_chosen = _read(row.spec)
        name = row_name
        args, named = (args, named) if args or named else (row_args, row_named)
        chosen = {**row_chosen, **chosen}
    elif not args and not named:
        args, named = _read(SWITCHES[name].default)[1:3]
    switch = SWITCHES[name]
    chosen = {**switch.selectors, **chosen, **{key: str(value) for key, value in selectors.items()}}
    return _armed(spec, switch, args, named, chosen)


def _armed(
    spec: str, switch: Switch, args: list[str], named: dict[str, str], chosen: dict[str, str]
) -> Armed:
    unknown = set(chosen) - SELECTORS
    if unknown:
        raise BadFault(f"no selector {min(unknown)!r}; there are {', '.join(sorted(SELECTORS))}")
    try:
        return Armed(
            switch=switch,
            spec=spec,
            args=tuple(args),
            named=named,
            op=chosen.get("op"),
            id=chosen.get("id"),
            page=int(chosen["page"]) if "page" in chosen else None,
            nth=int(chosen.get("nth", 1)),
            times=ALWAYS if chosen.get("times") == "always" else int(chosen.get("times", 1)),
            after_s=float(chosen.get("after", 0)),
        )
    except ValueError as error:
        raise BadFault(
            f"{spec!r}: {error}; page, nth and times are whole numbers, times may be 'always'"
        ) from None


class Board:
    """The faults that are switched on, in the order they were."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.armed: list[Armed] = []
        self.revision = 0

    def add(self, armed: Armed) -> Armed:
        """Switch a fault on."""
        armed.armed_at = self._clock.now()
        self.armed.append(armed)
        self.revision += 1
        return armed

    def clear(self) -> None:
        """Switch all of them off."""
        self.armed.clear()
        self.revision += 1

    def due(self, *kinds: Kind) -> Iterator[Armed]:
        """The faults of these kinds whose time has come."""
        now = self._clock.now()
        return (a for a in tuple(self.armed) if a.switch.kind in kinds and now >= a.armed_at + a.after_s)

    def hits(self, ops: Sequence[str], page: int, ident: str | None, *kinds: Kind) -> list[Armed]:
        """The faults that act on this request; each one met counts it."""
        return [armed for armed in self.due(*kinds) if armed.meets(ops, page, ident) and armed.strikes()]
