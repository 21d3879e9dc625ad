"""Filters, sorting and paging (RFC 7644 §3.4.2) as SQL, the same on both databases.

Logic is two-valued as the RFC's: an unassigned attribute fails every comparison but ``ne``. AND
and OR let NULL stand for false; below a ``not`` it is made false first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final, NamedTuple, TypeGuard

import orjson
import sqlalchemy as sa
from sqlalchemy import ColumnElement, and_, func, or_

from sync.model.query import Both, Comparison, Either, Filter, Never, Not, Operator, Path, Present, Within
from sync.model.resources import fold
from sync.model.session import Kind
from sync.store import schema
from sync.store.attributes import TABLES, Condition, Operand, Row, Scope
from sync.store.fold import folded, position, prefix_range
from sync.store.times import instant_text

_KEYS: Final = frozenset({"id", "userName", "externalId", "displayName"})
"""Attributes with an index of their own (displayName for groups)."""
_NEVER_STORED: Final = re.compile("[\0\ud800-\udfff]")
"""NUL and half surrogates, which no database text can hold."""

_ORDERED: Final[dict[Operator, Callable[[ColumnElement[Any], Any], Condition]]] = {
    Operator.GT: lambda value, wanted: value > wanted,
    Operator.GE: lambda value, wanted: value >= wanted,
    Operator.LT: lambda value, wanted: value < wanted,
    Operator.LE: lambda value, wanted: value <= wanted,
}


def condition(term: Filter, kind: Kind, dialect: str) -> Condition:
    """Whether a row of ``directory_user`` or ``directory_group`` matches; NULL means no."""
    fast = _by_email(term, kind, dialect)
    return _condition(term, Row(kind, dialect)) if fast is None else fast


def key_asked_for(term: Filter | None) -> tuple[str, str] | None:
    """The attribute and the value, as its column keeps it, of a filter that asks for one name or id."""
    if not isinstance(term, Comparison) or term.operator is not Operator.EQ or term.value is None:
        return None
    path, text = term.path, _as_text(term.value)
    if path.sub is not None or path.urn is not None or path.name not in _KEYS or _unstorable(text):
        return None
    key = text if path.case_exact else fold(text)
    return None if key is None else (path.name, key)


def is_selective(term: Filter | None) -> bool:
    """Whether an index by key narrows the rows to a few: then counting and sorting them costs nothing."""
    if isinstance(term, Both):
        return any(is_selective(part) for part in term.terms)
    if term is not None and _email_asked_for(term) is not None:
        return True
    if not isinstance(term, Comparison) or term.operator is not Operator.EQ or term.value is None:
        return False
    return term.path.sub is None and term.path.name in _KEYS


def _condition(term: Filter, scope: Scope) -> Condition:
    match term:
        case Both():
            return and_(sa.true(), *(_condition(part, scope) for part in term.terms))
        case Either():
            return or_(sa.false(), *(_condition(part, scope) for part in term.terms))
        case Not():
            return _not(_condition(term.term, scope))
        case Within():
            return scope.some_entry(term.path, lambda entry: _condition(term.term, entry))
        case Present():
            return scope.some(term.path, lambda operand: operand.present, whole=True)
        case Comparison():
            return _comparison(term, scope)
        case Never():
            return sa.false()


def _not(inner: Condition) -> Condition:
    return sa.not_(func.coalesce(inner, sa.false()))


def _comparison(term: Comparison, scope: Scope) -> Condition:
    path, operator, value = term.path, term.operator, term.value
    if value is None:
        present = scope.some(path, lambda operand: operand.present, whole=True)
        return {Operator.EQ: _not(present), Operator.NE: present}.get(operator, sa.false())
    if operator is Operator.NE:
        # Any other value, or none at all.
        other = scope.some(path, lambda operand: and_(operand.present, _not(_equal(operand, path, value))))
        return or_(other, _not(scope.some(path, lambda operand: operand.present)))
    if operator is Operator.EQ:
        return scope.some(path, lambda operand: _equal(operand, path, value))
    return scope.some(path, lambda operand: _ordered_or_partial(operand, path, operator, value))


def _equal(operand: Operand, path: Path, value: Any) -> Condition:
    match path.type:
        case "boolean":
            flag = _as_flag(value)
            return sa.false() if flag is None else operand.flag == (sa.true() if flag else sa.false())
        case "decimal" | "integer":
            return sa.false() if _no_number(value) else operand.number == value
        case "dateTime":
            at = instant_text(str(value))
            return sa.false() if at is None else operand.instant == at
    text = _as_text(value)
    if _unstorable(text):
        return sa.false()
    if path.case_exact:
        return operand.text == text
    key = fold(text) if operand.key is not None else folded(text)
    return sa.false() if key is None else operand.folded == key


def _ordered_or_partial(operand: Operand, path: Path, operator: Operator, value: Any) -> Condition:
    match path.type:
        case "boolean":
            return sa.false()
        case "decimal" | "integer":
            known = operator in _ORDERED and not _no_number(value)
            return _ORDERED[operator](operand.number, value) if known else sa.false()
        case "dateTime":
            at = instant_text(str(value))
            return (
                sa.false()
                if at is None or operator not in _ORDERED
                else _ORDERED[operator](operand.instant, at)
            )
    return _of_text(operand, path, operator, _as_text(value))


def _of_text(operand: Operand, path: Path, operator: Operator, text: str) -> Condition:
    if _unstorable(text):
        return sa.false()
    column, wanted = (operand.text, text) if path.case_exact else (operand.folded, folded(text))
    if operator in _ORDERED:
        return _ORDERED[operator](column, wanted)
    if operator is Operator.SW:
        return prefix_range(column, wanted)
    if operator is Operator.CO:
        return position(column, wanted) > 0
    size = func.length(column)
    return and_(size >= len(wanted), func.substr(column, size - len(wanted) + 1) == wanted)


def _unstorable(text: str) -> bool:
    """Whether no database text can hold it."""
    return _NEVER_STORED.search(text) is not None


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _as_flag(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(str(value).lower())


def _no_number(value: Any) -> bool:
    return isinstance(value, bool) or not isinstance(value, int | float)


def _by_email(term: Filter, kind: Kind, dialect: str) -> Condition | None:
    """A person looked up by an e-mail: the index of all e-mails finds the few rows to be looked at."""
    key = _email_asked_for(term)
    if key is None or kind is not Kind.USER or _unstorable(key):
        return None
    return and_(with_email(sa.literal(key)), _condition(term, Row(kind, dialect)))


def with_email(key: ColumnElement[Any]) -> Condition:
    """Whether a row is one of those, of any connection, that an index finds by a folded e-mail."""
    table, further = TABLES[Kind.USER], schema.further_email
    same = table.alias("same")
    kept = sa.select(same.c.id).where(
        same.c.connection_id == sa.bindparam("of_connection"), same.c.email_key == key
    )
    noted = sa.select(further.c.directory_user_id).where(further.c.key == key)
    return table.c.id.in_(sa.union_all(kept, noted))


def email_asked_for(term: Filter | None) -> tuple[str, str | None] | None:
    """The folded e-mail and its type (None: any) of a filter that asks for nothing else."""
    if isinstance(term, Comparison):
        key = _email_asked_for(term) if _is_text_equality(term) else None
        return None if key is None else (key, None)
    if not isinstance(term, Within) or not _is_emails(term.path):
        return None
    parts = term.term.terms if isinstance(term.term, Both) else (term.term,)
    said = {part.path.name: part.value for part in parts if _is_text_equality(part)}
    key = fold(str(said.get("value", "")))
    if key is None or len(said) != len(parts) or not said.keys() <= {"value", "type"}:
        return None
    return (key, folded(str(said["type"])) if "type" in said else None)


def _is_text_equality(term: Filter) -> TypeGuard[Comparison]:
    if not isinstance(term, Comparison) or term.operator is not Operator.EQ:
        return False
    return isinstance(term.value, str) and term.value != "" and not _unstorable(term.value)


def _email_asked_for(term: Filter) -> str | None:
    """The folded e-mail that everybody has whom the filter matches; None when it names none."""
    if isinstance(term, Both):
        return next((key for part in term.terms if (key := _email_asked_for(part))), None)
    if isinstance(term, Within):
        return _value_asked_for(term.term) if _is_emails(term.path) else None
    if isinstance(term, Comparison) and _is_emails(term.path) and term.path.sub in {None, "value"}:
        return _value_asked_for(replace(term, path=Path(name="value")))
    return None


def _is_emails(path: Path) -> bool:
    return path.name == "emails" and path.urn is None


def _value_asked_for(term: Filter) -> str | None:
    if isinstance(term, Both):
        return next((key for part in term.terms if (key := _value_asked_for(part))), None)
    if isinstance(term, Comparison) and term.operator is Operator.EQ and term.path.name == "value":
        return None if term.value is None else fold(_as_text(term.value))
    return None


class Order(NamedTuple):
    """How rows are ordered: the key (None: by creation), its direction, ties by id."""

    kind: Kind
    key: ColumnElement[Any] | None = None
    descending: bool = False

    def clauses(self, *, few: bool = False) -> list[ColumnElement[Any]]:
        """ORDER BY: without a key created, id; missing values last ascending and first descending.

        ``few`` hides the order from the index by creation: SQLite would walk all of that one
        instead of looking up the few rows and sorting them.
        """
        table = TABLES[self.kind]
        if self.key is None:
            return [table.c.created_at.concat("") if few else table.c.created_at, table.c.id]
        missing = self.key.is_(None)
        if self.descending:
            return [missing.desc(), self.key.desc(), table.c.id]
        return [missing, self.key, table.c.id]

    def shown_key(self) -> ColumnElement[Any]:
        """The column whose value, with the id, is a row's position."""
        return TABLES[self.kind].c.created_at if self.key is None else self.key

    def position(self, key: Any, id: str) -> tuple[str, str]:
        """A position as text, for the next page's ``after``."""
        return orjson.dumps(float(key) if isinstance(key, Decimal) else key).decode(), id

    def after(self, position: tuple[str, str]) -> Condition:
        """Rows behind a position of this order."""
        key, id = orjson.loads(position[0]), position[1]
        table = TABLES[self.kind]
        behind = table.c.id > id
        if self.key is None:
            return and_(table.c.created_at >= key, or_(table.c.created_at > key, behind))
        missing = self.key.is_(None)
        if key is None:
            return or_(and_(missing, behind), ~missing) if self.descending else and_(missing, behind)
        if self.descending:
            return or_(self.key < key, and_(self.key == key, behind))
        return or_(self.key > key, and_(self.key == key, behind), missing)


def order(kind: Kind, dialect: str, sort_by: Path | None, *, descending: bool = False) -> Order:
    """The order for ``sort_by``; None keeps the order of creation (``descending`` turns nothing then)."""
    if sort_by is None:
        return Order(kind)
    operand = Row(kind, dialect).sort_operand(sort_by)
    match sort_by.type:
        case "boolean":
            key: ColumnElement[Any] = sa.cast(operand.flag, sa.Integer)
        case "decimal" | "integer":
            key = operand.number
        case "dateTime":
            key = operand.instant
        case _:
            key = func.nullif(operand.text if sort_by.case_exact else operand.folded, "")
    return Order(kind, key, descending)
