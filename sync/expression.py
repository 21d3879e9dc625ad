r"""The little language of attribute rules: parsed into a tree, printed back, and evaluated.

A rule is a constant (``=Acme``: everything behind the sign), or an expression:

    expression  path | "text" | name(expression, …)
    path        key or ["any key"], then any of  .key  [0]  ["any key"]  [key eq "text"]
    functions   join(a, b, …)  lower(a)  trim(a)  coalesce(a, b, …)  replace(a, "from", "to")

A path leads into the IdP's own attributes; what it does not find is empty. Texts know the escapes
``\"`` and ``\\``. Nothing is ever executed, and lengths and depths are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sync.model.errors import Misconfigured

RULE_MAX: Final = 1000
"""Characters of one rule."""

DEPTH_MAX: Final = 12
"""Calls within calls."""

VALUE_MAX: Final = 4000
"""Characters of a value; what is longer is cut."""

_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")
_SPACE = re.compile(r"[ \t]*")
_TEXT = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
_INDEX = re.compile(r"\d{1,4}")
_EQ = re.compile(r"eq\b", re.IGNORECASE)
_ARITY: Final = {"join": (1, 20), "lower": (1, 1), "trim": (1, 1), "coalesce": (1, 20), "replace": (3, 3)}


class BadRule(Misconfigured):
    """A rule that cannot be read: where, and what was expected there."""


@dataclass(frozen=True, slots=True)
class Where:
    """A filter of a path: the first element of a list whose ``key`` is ``value``."""

    key: str
    value: str


Step = str | int | Where


@dataclass(frozen=True, slots=True)
class Path:
    """A way into the raw attributes: keys, list places and filters."""

    steps: tuple[Step, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """The plain keys it begins with, as far as they go."""
        found: list[str] = []
        for step in self.steps:
            if not isinstance(step, str):
                break
            found.append(step)
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Text:
    """A constant."""

    value: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function of this language, with its arguments."""

    name: str
    args: tuple[Tree, ...]


Tree = Path | Text | Call


def parse(rule: str) -> Tree:
    """The tree of a rule. Raises BadRule with the position and what was expected."""
    if len(rule) > RULE_MAX:
        raise BadRule(f"a rule has {RULE_MAX} characters at most, this one has {len(rule)}")
    if rule.startswith("="):
        return Text(rule[1:])
    return _Reader(rule).whole()


def printed(tree: Tree) -> str:
    """A rule that parses to this tree."""
    if isinstance(tree, Text):
        return _quoted(tree.value)
    if isinstance(tree, Call):
        return f"{tree.name}({', '.join(map(printed, tree.args))})"
    return "".join(map(_printed_step, tree.steps)).removeprefix(".")


def paths(tree: Tree) -> Iterator[Path]:
    """Every path in the tree."""
    if isinstance(tree, Path):
        yield tree
    elif isinstance(tree, Call):
        for arg in tree.args:
            yield from paths(arg)


def value(tree: Tree, raw: Mapping[str, Any]) -> str | None:
    """What the rule finds in the raw attributes; None when that is empty. Never raises."""
    if isinstance(tree, Text):
        return tree.value or None
    found = text_of(_followed(tree, raw)) if isinstance(tree, Path) else _called(tree, raw)
    return found[:VALUE_MAX] if found else None


def text_of(found: object) -> str | None:
    """A scalar as text: numbers as digits, truth as true or false; anything else is nothing."""
    if isinstance(found, str):
        return found
    if isinstance(found, bool):
        return "true" if found else "false"
    return str(found) if isinstance(found, int | float) else None


def _followed(path: Path, raw: object) -> object:
    for step in path.steps:
        if isinstance(step, str):
            raw = raw.get(step) if isinstance(raw, Mapping) else None
        elif not isinstance(raw, list):
            return None
        elif isinstance(step, int):
            raw = raw[step] if step < len(raw) else None
        else:
            raw = next((entry for entry in raw if _has(entry, step)), None)
    return raw


def _has(entry: object, where: Where) -> bool:
    if not isinstance(entry, Mapping):
        return False
    return (text_of(entry.get(where.key)) or "").casefold() == where.value.casefold()


def _called(call: Call, raw: Mapping[str, Any]) -> str | None:
    if call.name == "coalesce":
        return next((found for arg in call.args if (found := value(arg, raw))), None)
    args = [value(arg, raw) or "" for arg in call.args]
    if call.name == "join":
        return "".join(args)
    if call.name == "lower":
        return args[0].lower()
    if call.name == "trim":
        return args[0].strip()
    return args[0].replace(args[1], args[2])


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _printed_step(step: Step) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if isinstance(step, Where):
        return f"[{step.key} eq {_quoted(step.value)}]"
    return f".{step}" if _KEY.fullmatch(step) else f"[{_quoted(step)}]"


class _Reader:
    """One pass over a rule, from left to right."""

    def __init__(self, rule: str) -> None:
        self._rule = rule
        self._at = 0

    def whole(self) -> Tree:
        tree = self._expression(0)
        self._skip()
        if self._at < len(self._rule):
            raise self._expected("the end of the rule")
        return tree

    def _expression(self, depth: int) -> Tree:
        self._skip()
        if depth > DEPTH_MAX:
            raise self._expected(f"no more than {DEPTH_MAX} calls within each other")
        if self._next('"'):
            return Text(self._text())
        if self._next("["):
            return self._path(self._keyed())
        key = self._key("a path, a text in quotes or a function")
        if self._next("("):
            return self._call(key, depth)
        return self._path(key)

    def _path(self, first: str) -> Path:
        return Path((first, *self._steps()))

    def _keyed(self) -> str:
        """A path that begins with a key no name can spell, such as a SCIM extension's URN."""
        self._at += 1
        self._skip()
        key = self._text()
        self._take("]", "]")
        return key

    def _call(self, name: str, depth: int) -> Call:
        if name not in _ARITY:
            self._at -= len(name)
            raise self._expected(f"one of {', '.join(sorted(_ARITY))}")
        least, most = _ARITY[name]
        self._take("(", "(")
        args = [self._expression(depth + 1)]
        while self._comes(","):
            if len(args) == most:
                raise self._expected(f") since {name} takes {most} at most")
            self._take(",", ",")
            args.append(self._expression(depth + 1))
        if len(args) < least:
            raise self._expected(f", since {name} takes {least}")
        self._take(")", ", or )")
        if name == "replace" and not (
            isinstance(args[1], Text) and args[1].value and isinstance(args[2], Text)
        ):
            raise self._expected("replace to have texts in quotes behind its first, the second not empty")
        return Call(name, tuple(args))

    def _steps(self) -> Iterator[Step]:
        while True:
            if self._next("."):
                self._at += 1
                yield self._key("a key after the dot")
            elif self._next("["):
                self._at += 1
                yield self._bracket()
                self._take("]", "]")
            else:
                return

    def _bracket(self) -> Step:
        self._skip()
        if self._next('"'):
            return self._text()
        if found := _INDEX.match(self._rule, self._at):
            self._at = found.end()
            return int(found.group())
        key = self._key('a number, a key in quotes, or key eq "text"')
        self._skip()
        if (found := _EQ.match(self._rule, self._at)) is None:
            raise self._expected("eq")
        self._at = found.end()
        self._skip()
        return Where(key, self._text() if self._next('"') else self._key("a text in quotes, true or false"))

    def _key(self, what: str) -> str:
        found = _KEY.match(self._rule, self._at)
        if found is None:
            raise self._expected(what)
        self._at = found.end()
        return found.group()

    def _text(self) -> str:
        found = _TEXT.match(self._rule, self._at)
        if found is None:
            raise self._expected('a text that ends in " and escapes only \\" and \\\\')
        self._at = found.end()
        return re.sub(r"\\(.)", r"\1", found.group(1), flags=re.DOTALL)

    def _skip(self) -> None:
        found = _SPACE.match(self._rule, self._at)
        self._at = found.end() if found else self._at

    def _next(self, sign: str) -> bool:
        return self._rule.startswith(sign, self._at)

    def _comes(self, sign: str) -> bool:
        self._skip()
        return self._next(sign)

    def _take(self, sign: str, what: str) -> None:
        if not self._comes(sign):
            raise self._expected(what)
        self._at += 1

    def _expected(self, what: str) -> BadRule:
        there = self._rule[self._at : self._at + 12]
        stands = f"{there!r} stands" if there else "the rule ends"
        return BadRule(f"at character {self._at + 1} of {self._rule!r}: expected {what}, but {stands} there")
