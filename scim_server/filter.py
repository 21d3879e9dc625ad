"""The filter language of RFC 7644 §3.4.2.2, read into sync.model.query."""

from __future__ import annotations

import operator as comparing
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NoReturn

import orjson

from scim_server.attributes import Attribute, Found, ResourceType
from scim_server.coerce import instant
from scim_server.errors import invalid_filter
from scim_server.knobs import DEFAULT, Knobs
from sync.model.query import (
    Both,
    Comparison,
    Either,
    Filter,
    Never,
    Not,
    Operator,
    Path,
    Present,
    Value,
    Within,
)

MAX_TEXT_BYTES = 8192
MAX_DEPTH = 32
MAX_NODES = 256

_TOKEN = re.compile(r'\s*(?:([()\[\]])|("(?:[^"\\]|\\.)*")|([^\s()\[\]"]+))', re.DOTALL)
_NAME = re.compile(r"[A-Za-z$_][\w$.:/-]*")
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
"""NUL and half surrogates: what no text of ours can hold."""
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?$")
_TEXT_OPERATORS = frozenset({Operator.CO, Operator.SW, Operator.EW})
_ORDER_OPERATORS = frozenset({Operator.GT, Operator.GE, Operator.LT, Operator.LE})
_OPERATORS = {each.value: each for each in Operator}
_KEYWORDS = frozenset({"and", "or"})
ALL: Filter = Not(term=Never())
"""What every resource satisfies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """A value as written: ``quoted`` tells a text from a bare word."""

    text: str
    quoted: bool


def parse_filter(text: str, resource_type: ResourceType, knobs: Knobs = DEFAULT) -> Filter:
    """The filter as a tree; ScimError ``invalidFilter`` says what is wrong and where."""
    parser = Parser(text, resource_type, knobs)
    tree = parser.either()
    if parser.ahead is not None:
        parser.fail(f"{parser.ahead!r} is not expected here; join conditions with and / or")
    return tree


def path_of(found: Found) -> Path | None:
    """The attribute as a query path; a complex one stands for its ``value``, None when it has none."""
    attribute = found.named
    sub = found.sub
    if attribute.type == "complex" and sub is None:
        sub = attribute.by_key.get("value")
        if sub is None:
            return None
    leaf = sub or attribute
    return Path(
        name=attribute.name,
        sub=sub.name if sub is not None else None,
        urn=found.urn,
        multi_valued=attribute.multi_valued,
        case_exact=leaf.case_exact,
        type=leaf.type,
    )


def whole_path(found: Found) -> Path:
    """A complex attribute itself, with all its sub-attributes."""
    attribute = found.named
    return Path(name=attribute.name, urn=found.urn, multi_valued=attribute.multi_valued, type="complex")


def shortened(text: str) -> str:
    return repr(text if len(text) <= 100 else text[:100] + "…")


def is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None and not (text.endswith((".", ":")) or ".." in text)


def is_password(name: str) -> bool:
    return name.strip().lower().rpartition(":")[2].partition(".")[0] == "password"


class Parser:
    """Recursive descent over one filter; ``within`` is the attribute a value path is inside of."""

    def __init__(
        self, text: str, resource_type: ResourceType, knobs: Knobs, within: Attribute | None = None
    ) -> None:
        if len(text.encode("utf-8", "surrogatepass")) > MAX_TEXT_BYTES:
            raise invalid_filter(f"The filter is longer than {MAX_TEXT_BYTES} bytes.")
        if "\0" in text:
            raise invalid_filter("The filter holds a NUL character.")
        self.text = text
        self.type = resource_type
        self.knobs = knobs
        self.within = within
        self.tokens = self._tokens()
        self.position = 0
        self.depth = 0
        self.nodes = 0

    def _tokens(self) -> list[str]:
        found: list[str] = []
        at = 0
        end = len(self.text.rstrip())
        while at < end:
            match = _TOKEN.match(self.text, at)
            if match is None:
                self.fail("a quotation mark is not closed")
            found.append(match.group(1) or match.group(2) or match.group(3))
            at = match.end()
        return found

    @property
    def ahead(self) -> str | None:
        return self.tokens[self.position] if self.position < len(self.tokens) else None

    def fail(self, why: str) -> NoReturn:
        raise invalid_filter(f"The filter {shortened(self.text)} cannot be read: {why}.")

    def take(self, what: str) -> str:
        token = self.ahead
        if token is None:
            self.fail(f"{what} is missing at the end")
        self.position += 1
        return token

    def accept(self, word: str) -> bool:
        token = self.ahead
        if token is not None and token.lower() == word:
            self.position += 1
            return True
        return False

    def expect(self, mark: str) -> None:
        if not self.accept(mark):
            self.fail(f"{mark!r} is missing")

    def count(self) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self.fail(f"it has more than {MAX_NODES} conditions")

    def either(self) -> Filter:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail(f"it is nested deeper than {MAX_DEPTH}")
        terms = [self.both()]
        while self.accept("or"):
            terms.append(self.both())
        self.depth -= 1
        return terms[0] if len(terms) == 1 else Either(terms=tuple(terms))

    def both(self) -> Filter:
        terms = [self.term()]
        while self.accept("and"):
            terms.append(self.term())
        return terms[0] if len(terms) == 1 else Both(terms=tuple(terms))

    def term(self) -> Filter:
        self.count()
        if self.accept("("):
            tree = self.either()
            self.expect(")")
            return tree
        if self._is_negation():
            self.position += 1
            self.expect("(")
            tree = self.either()
            self.expect(")")
            return Not(term=tree)
        return self.condition()

    def _is_negation(self) -> bool:
        following = self.tokens[self.position + 1 : self.position + 2]
        return self.ahead is not None and self.ahead.lower() == "not" and following == ["("]

    def condition(self) -> Filter:
        name = self.take("an attribute name")
        if not is_name(name):
            self.fail(f"{name!r} is not an attribute name")
        if is_password(name):
            raise invalid_filter("password cannot be asked for.")
        if self.ahead == "[":
            return self.value_path(name)
        return self.comparison(self.resolve(name), name)

    def resolve(self, name: str) -> Found | None:
        if self.within is None:
            return self.type.find(name)
        sub = self.within.by_key.get(name.lower())
        return None if sub is None else Found(None, sub)

    def comparison(self, found: Found | None, name: str) -> Filter:
        word = self.take("an operator").lower()
        operator = _OPERATORS.get(word)
        if operator is None and word != "pr":
            self.fail(f"{word!r} is not an operator; use eq ne co sw ew gt ge lt le pr")
        literal = self.literal() if operator is not None else None
        if found is None or found.attribute is None:
            return self.unknown(name)
        if operator is None or literal is None:
            return self.present(found)
        return self.compare(found, name, operator, literal)

    def unknown(self, name: str) -> Filter:
        """What an attribute nobody has matches: nothing, or a refusal where the connection is strict."""
        if self.knobs.unknown_attributes == "reject":
            self.fail(f"the attribute {name!r} is unknown")
        return Never()

    def literal(self) -> Literal:
        word = self.take("a value")
        if word.startswith('"'):
            return Literal(text=self._unescaped(word), quoted=True)
        if word in {"(", ")", "[", "]"} or word.startswith("'"):
            self.fail(f"{word!r} is not a value; put texts in double quotes")
        bare = word.lower() not in {"true", "false", "null"} and _NUMBER.match(word) is None
        if bare and not self.knobs.unquoted_literals:
            self.fail(f"the text {word!r} needs double quotes")
        return Literal(text=word, quoted=False)

    def _unescaped(self, token: str) -> str:
        try:
            text: str = orjson.loads(token)
        except orjson.JSONDecodeError:
            # A lone backslash (DOMAIN\user) is no JSON escape, yet what was meant is clear.
            text = token[1:-1].replace('\\"', '"').replace("\\\\", "\\")
        if _NO_TEXT.search(text) is not None:
            self.fail("a value holds a character that no text can hold")
        return text

    def present(self, found: Found) -> Filter:
        if _fixed(self.type, found) is not None:
            return ALL
        path = path_of(found) if found.sub is not None or found.named.type != "complex" else None
        return Present(path=path or whole_path(found))

    def compare(self, found: Found, name: str, operator: Operator, literal: Literal) -> Filter:
        fixed = _fixed(self.type, found)
        if fixed is not None:
            return _compare_fixed(fixed, self.type, operator, literal.text)
        path = path_of(found)
        if path is None:
            self.fail(f"{name!r} is complex; compare one of its sub-attributes")
        if not literal.quoted and literal.text.lower() == "null":
            return self._compare_null(path, operator)
        return Comparison(path=path, operator=operator, value=self._value(path, operator, literal))

    def _compare_null(self, path: Path, operator: Operator) -> Filter:
        if operator not in {Operator.EQ, Operator.NE}:
            self.fail("null can be compared by eq and ne only")
        there = Present(path=path)
        return there if operator is Operator.NE else Not(term=there)

    def _value(self, path: Path, operator: Operator, literal: Literal) -> Value:
        """The literal as the attribute's type; where the types cannot meet it is the filter's fault."""
        if path.type == "boolean":
            return self._boolean(path, operator, literal)
        if path.type == "dateTime":
            return self._date_time(operator, literal)
        if path.type in {"integer", "decimal"}:
            return self._number(path, operator, literal)
        return literal.text

    def _boolean(self, path: Path, operator: Operator, literal: Literal) -> bool:
        if operator in _ORDER_OPERATORS or operator in _TEXT_OPERATORS:
            self.fail(f"{operator} does not apply to {path.name}, which is true or false")
        text = literal.text.strip().lower()
        if text not in {"true", "false"} or (literal.quoted and self.knobs.strict):
            self.fail(f"{path.name} is compared with true or false")
        return text == "true"

    def _date_time(self, operator: Operator, literal: Literal) -> str:
        if operator in _TEXT_OPERATORS:
            self.fail(f"{operator} does not apply to a date and time")
        when = instant(literal.text)
        if when is None:
            self.fail(f"{literal.text!r} is not a date and time such as 2026-01-31T08:00:00Z")
        return when.isoformat(timespec="microseconds")

    def _number(self, path: Path, operator: Operator, literal: Literal) -> int | float:
        if operator in _TEXT_OPERATORS or _NUMBER.match(literal.text) is None:
            self.fail(f"{path.name} is compared with a number by eq, ne, gt, ge, lt or le")
        number = float(literal.text)
        if abs(number) >= 2**63:
            self.fail(f"{literal.text} is too large")
        return int(number) if number.is_integer() else number

    def value_path(self, name: str) -> Filter:
        """``emails[type eq "work"]``, and the ``.value eq "x"`` that real clients put behind it."""
        if self.within is not None:
            self.fail("a value path cannot stand inside another")
        found = self.resolve(name)
        attribute = found.attribute if found is not None else None
        if attribute is not None and attribute.type != "complex":
            self.fail(f"{name!r} has no entries to filter")
        inner = self._inside(attribute if attribute is not None else _NOTHING)
        if attribute is None or found is None:
            return self.unknown(name)
        return Within(path=whole_path(found), term=inner)

    def _inside(self, attribute: Attribute) -> Filter:
        self.expect("[")
        self.within = attribute
        inner = self.either()
        self.expect("]")
        tail = self.ahead
        if tail is not None and tail.startswith("."):
            self.position += 1
            inner = Both(terms=(inner, self.comparison(self.resolve(tail[1:]), tail[1:])))
        self.within = None
        return inner


_NOTHING = Attribute(
    name="", description="An unknown attribute, inside which every name is unknown.", type="complex"
)


def _fixed(resource_type: ResourceType, found: Found) -> str | None:
    """Attributes that follow from the resource type alone: ``schemas`` and ``meta.resourceType``."""
    if found.named.name == "schemas" and found.urn is None:
        return "schemas"
    if found.named.name == "meta" and found.sub is not None and found.sub.name == "resourceType":
        return resource_type.kind.value
    return None


_HOLDS: Final[Mapping[Operator, Callable[[str, str], bool]]] = {
    Operator.EQ: comparing.eq,
    Operator.NE: comparing.ne,
    Operator.CO: comparing.contains,
    Operator.SW: str.startswith,
    Operator.EW: str.endswith,
    Operator.GT: comparing.gt,
    Operator.GE: comparing.ge,
    Operator.LT: comparing.lt,
    Operator.LE: comparing.le,
}


def _compare_fixed(fixed: str, resource_type: ResourceType, comparison: Operator, text: str) -> Filter:
    if fixed != "schemas":
        return ALL if _HOLDS[comparison](fixed, text) else Never()
    if comparison in {Operator.EQ, Operator.NE}:
        listed = _uses_schema(resource_type, text)
        return listed if comparison is Operator.EQ else Not(term=listed)
    holds, folded = _HOLDS[comparison], text.lower()
    met = tuple(_uses_schema(resource_type, urn) for urn in resource_type.by_urn if holds(urn, folded))
    return Either(terms=met) if met else Never()


def _uses_schema(resource_type: ResourceType, urn: str) -> Filter:
    """Who lists ``urn`` among its schemas: everybody the core, those with a value an extension."""
    schema = resource_type.by_urn.get(urn.lower())
    if schema is None:
        return Never()
    if schema is resource_type.schema:
        return ALL
    paths = (
        Path(name=each.name, urn=schema.urn, multi_valued=each.multi_valued, type=each.type)
        for each in schema.attributes
    )
    return Either(terms=tuple(Present(path=path) for path in paths))
