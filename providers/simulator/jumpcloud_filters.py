"""JumpCloud's filters: `field:$eq:value` on v1, `field:eq:value` on v2, and the search body's trees."""

from collections.abc import Callable
from typing import Any

Row = dict[str, Any]
Test = Callable[[Row], bool]

OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "eq": lambda has, wanted: has == wanted,
    "ne": lambda has, wanted: has != wanted,
    "gt": lambda has, wanted: has > wanted,
    "gte": lambda has, wanted: has >= wanted,
    "ge": lambda has, wanted: has >= wanted,
    "lt": lambda has, wanted: has < wanted,
    "lte": lambda has, wanted: has <= wanted,
    "le": lambda has, wanted: has <= wanted,
    "search": lambda has, wanted: wanted.lower() in has.lower(),
    "in": lambda has, wanted: has in wanted.split("|"),
}


class BadFilter(ValueError):
    """The filter cannot be read."""


def parse(text: str, *, mark: str) -> Test:
    """A filter in the query; ``mark`` is what stands before an operator ("$" on v1)."""
    tests = [_condition(part, mark) for part in text.split(",") if part]
    return lambda row: all(test(row) for test in tests)


def _condition(text: str, mark: str) -> Test:
    name, _, rest = text.partition(":")
    operator, _, wanted = rest.partition(":")
    compare = OPERATORS.get(operator.removeprefix(mark)) if operator.startswith(mark) else None
    if compare is None:
        raise BadFilter(text)
    return lambda row: compare(_text(row.get(name)), wanted)


def tree(body: Any) -> Test:
    """The ``filter`` of a search body: {"and": [{field: value}, …]} or {"or": […]}."""
    if not body:
        return lambda _row: True
    if not isinstance(body, dict):
        raise BadFilter(str(body))
    for word, combine in (("and", all), ("or", any)):
        if word in body:
            tests = [_leaf(each) for each in body[word]]
            return lambda row: combine(test(row) for test in tests)
    return _leaf(body)


def _leaf(body: Any) -> Test:
    if not isinstance(body, dict) or len(body) != 1:
        raise BadFilter(str(body))
    ((name, wanted),) = body.items()
    if not isinstance(wanted, dict):
        return lambda row: _text(row.get(name)) == _text(wanted)
    ((operator, value),) = wanted.items()
    compare = OPERATORS.get(operator.removeprefix("$"))
    if compare is None:
        raise BadFilter(operator)
    return lambda row: compare(_text(row.get(name)), _text(value))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value or "")
