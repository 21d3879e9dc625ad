"""The small filter language of the directories: attribute, operator, value, joined by and/or, in brackets."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from providers.simulator.clock import parse_iso

Predicate = Callable[[Any], bool]
Reader = Callable[[Any], Any]

_TOKEN = re.compile(r'\s*(?:([()])|"((?:[^"\\]|\\.)*)"|([^\s()"]+))')
_ORDER = {"gt", "ge", "lt", "le"}


class BadFilter(ValueError):
    """The filter does not parse, or uses what the endpoint does not offer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What one endpoint allows: how to read each attribute, and the operators it may take."""

    readers: Mapping[str, Reader]
    operators: Mapping[str, frozenset[str]]
    fallback: Callable[[str], Reader | None] = lambda _name: None
    fallback_operators: frozenset[str] = frozenset()

    def reader(self, name: str, operator: str) -> Reader:
        """How to read this attribute; BadFilter where the pair is not offered."""
        if name in self.operators:
            if operator not in self.operators[name]:
                raise BadFilter(f"operator {operator} is not offered on {name}")
            return self.readers[name]
        reader = self.fallback(name)
        if reader is None or operator not in self.fallback_operators:
            raise BadFilter(f"attribute {name} is not offered with {operator}")
        return reader


def tokens(text: str) -> list[tuple[str, str]]:
    """(kind, text) pairs, kind being bracket, string or word."""
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise BadFilter(f"cannot read {text[at:]!r}")
        bracket, string, word = match.groups()
        if bracket:
            found.append(("bracket", bracket))
        elif string is not None:
            found.append(("string", re.sub(r"\\(.)", r"\1", string)))
        else:
            found.append(("word", word))
        at = match.end()
    return found


class _Parser:
    def __init__(self, text: str, rules: Rules) -> None:
        self._tokens, self._at, self._rules = tokens(text), 0, rules

    def whole(self) -> Predicate:
        predicate = self._either()
        if self._at != len(self._tokens):
            raise BadFilter("something is left over at the end")
        return predicate

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise BadFilter("it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _word_is(self, word: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at][0] == "word":
            return self._tokens[self._at][1].lower() == word
        return False

    def _either(self) -> Predicate:
        parts = [self._both()]
        while self._word_is("or"):
            self._at += 1
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda row: any(part(row) for part in parts)

    def _both(self) -> Predicate:
        parts = [self._term()]
        while self._word_is("and"):
            self._at += 1
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else lambda row: all(part(row) for part in parts)

    def _term(self) -> Predicate:
        kind, text = self._next()
        if (kind, text) == ("bracket", "("):
            inner = self._either()
            if self._next() != ("bracket", ")"):
                raise BadFilter("a bracket is not closed")
            return inner
        if kind != "word":
            raise BadFilter(f"{text!r} is no attribute")
        operator = self._next()[1].lower()
        read = self._rules.reader(text, operator)
        if operator == "pr":
            return lambda row: read(row) not in (None, "")
        return comparison(read, operator, self._next()[1])


def comparison(read: Reader, operator: str, value: str) -> Predicate:
    """A test of one attribute against one value; stamps (numbers) compare with ISO times."""
    if operator == "eq":
        return lambda row: equal(read(row), value)
    if operator == "sw":
        return lambda row: str(read(row) or "").lower().startswith(value.lower())
    if operator == "co":
        return lambda row: value.lower() in str(read(row) or "").lower()
    if operator not in _ORDER:
        raise BadFilter(f"no operator {operator}")
    try:
        bound = parse_iso(value)
    except ValueError:
        raise BadFilter(f"{value!r} is no time") from None
    return {
        "gt": lambda row: read(row) > bound,
        "ge": lambda row: read(row) >= bound,
        "lt": lambda row: read(row) < bound,
        "le": lambda row: read(row) <= bound,
    }[operator]


def equal(have: Any, value: str) -> bool:
    """Equality as a filter means it; a stamp equals the ISO time of the same second."""
    if isinstance(have, bool):
        return str(have).lower() == value.lower()
    if isinstance(have, int | float):
        try:
            return float(have) == parse_iso(value)
        except ValueError:
            return str(have) == value
    return bool(have == value)


def parse(text: str, rules: Rules) -> Predicate:
    """A test for rows. Raises BadFilter."""
    return _Parser(text, rules).whole()
