"""Which entries of a multi-valued attribute a value path means (PATCH works on documents, not in SQL)."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from scim_server.coerce import instant
from sync.model.query import Both, Comparison, Either, Filter, Never, Not, Operator, Path, Present, Within
from sync.model.resources import fold

_COMPARE: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.CO: lambda have, want: want in have,
    Operator.SW: lambda have, want: have.startswith(want),
    Operator.EW: lambda have, want: have.endswith(want),
}


def matches(tree: Filter, entry: Mapping[str, Any]) -> bool:
    """Whether an entry satisfies the filter; what is unassigned makes ``ne`` true and all else false."""
    match tree:
        case Both(terms=terms):
            return all(matches(term, entry) for term in terms)
        case Either(terms=terms):
            return any(matches(term, entry) for term in terms)
        case Not(term=term):
            return not matches(term, entry)
        case Present(path=path):
            return entry.get(path.name) not in (None, "", [])
        case Comparison():
            return _holds(tree, entry.get(tree.path.name))
        case Never() | Within():
            return False


def _holds(tree: Comparison, have: Any) -> bool:
    if have is None:
        return tree.operator is Operator.NE
    left, right = _comparable(tree.path, have), _comparable(tree.path, tree.value)
    if type(left) is not type(right) and not (
        isinstance(left, int | float) and isinstance(right, int | float)
    ):
        return tree.operator is Operator.NE
    return _COMPARE[tree.operator](left, right)


def _comparable(path: Path, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if path.type == "dateTime":
        return instant(value) or value
    return value if path.case_exact else fold(value) or ""


def equalities(tree: Filter) -> dict[str, Any] | None:
    """``{sub-attribute: value}`` when the filter is ``eq`` terms joined by ``and``, else None."""
    if isinstance(tree, Comparison) and tree.operator is Operator.EQ:
        return {tree.path.name: tree.value}
    if isinstance(tree, Both):
        found: dict[str, Any] = {}
        for term in tree.terms:
            part = equalities(term)
            if part is None or any(found.get(name, value) != value for name, value in part.items()):
                return None
            found |= part
        return found
    return None


def named_values(tree: Filter) -> list[str] | None:
    """The ids a filter on members names: ``value eq "x"``, several of them joined by ``or``; else None."""
    if isinstance(tree, Comparison) and tree.operator is Operator.EQ and tree.path.name == "value":
        return [str(tree.value)]
    if isinstance(tree, Either):
        parts = [named_values(term) for term in tree.terms]
        return None if None in parts else [value for part in parts if part is not None for value in part]
    return None
