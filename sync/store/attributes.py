"""Where a SCIM attribute lives: in a column, in another table, or inside the stored document.

An ``Operand`` is one value in SQL, NULL while unassigned. ``Row`` and ``Entry`` find operands by
path: in a directory user or group, and in one entry of a multi-valued attribute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import sqlalchemy as sa
from sqlalchemy import ColumnElement, FromClause, and_, literal, select

from sync.model.query import Path
from sync.model.session import Kind
from sync.store import schema
from sync.store.fold import fold, instant
from sync.store.json_sql import JsonNode, document_of

Condition = ColumnElement[bool]
Test = Callable[["Operand"], Condition]

CORE: Final = {
    Kind.USER: "urn:ietf:params:scim:schemas:core:2.0:User",
    Kind.GROUP: "urn:ietf:params:scim:schemas:core:2.0:Group",
}
TABLES: Final = {Kind.USER: schema.directory_user, Kind.GROUP: schema.directory_group}
_PERSON = schema.directory_user
_GROUP = schema.directory_group


@dataclass(frozen=True, slots=True, kw_only=True)
class Operand:
    """One value. ``key`` is its folded form where a column keeps one; ``json`` its place in a document."""

    text: ColumnElement[Any]
    key: ColumnElement[Any] | None = None
    json: JsonNode | None = None

    @property
    def folded(self) -> ColumnElement[Any]:
        return fold(self.text) if self.key is None else self.key

    @property
    def number(self) -> ColumnElement[Any]:
        return self.text if self.json is None else self.json.number()

    @property
    def flag(self) -> ColumnElement[Any]:
        return self.text if self.json is None else self.json.flag()

    @property
    def instant(self) -> ColumnElement[Any]:
        return self.text if self.json is None else instant(self.text)

    @property
    def present(self) -> Condition:
        """Assigned, and neither empty text nor an empty object or list."""
        if isinstance(self.text.type, sa.Boolean):
            return self.text.is_not(None)
        return and_(self.text.is_not(None), self.text.not_in(["", "{}", "[]"]))


class Scope(Protocol):
    """Something that has attributes."""

    def some(self, path: Path, test: Test, *, whole: bool = False) -> Condition:
        """Whether ``test`` holds for some value of ``path``; ``whole`` tests a complex value as such."""

    def some_entry(self, path: Path, test: Callable[[Scope], Condition]) -> Condition:
        """Whether ``test`` holds for some entry of ``path``."""


@dataclass(frozen=True, slots=True)
class Row:
    """A directory user or group."""

    kind: Kind
    dialect: str

    def some(self, path: Path, test: Test, *, whole: bool = False) -> Condition:
        column = self._column(path)
        if column is not None:
            return test(column)
        if path.multi_valued:
            name = path.sub or ("" if whole else "value")
            return self.some_entry(path, lambda entry: entry.some(Path(name=name), test))
        return test(self.operand(path, whole=whole))

    def operand(self, path: Path, *, whole: bool = False) -> Operand:
        """The value of a single-valued path."""
        node = self._node(path)
        sub = path.sub or ("value" if path.type == "complex" and not whole else None)
        return _in_json(node if sub is None else node.child(sub))

    def some_entry(self, path: Path, test: Callable[[Scope], Condition]) -> Condition:
        if path.urn in (None, CORE[self.kind]):
            if path.name == "members" and self.kind is Kind.GROUP:
                return self._some_member(test)
            if path.name == "groups" and self.kind is Kind.USER:
                return self._some_group(test)
            if path.name == "schemas":
                return self._some_schema(test)
        node = self._node(path)
        if not path.multi_valued:
            return and_(node.text().is_not(None), test(Single(node)))
        source, entry = node.entries()
        return _exists(source, test(Single(entry)))

    def _node(self, path: Path) -> JsonNode:
        document = document_of(TABLES[self.kind], self.dialect)
        if path.urn not in (None, CORE[self.kind]):
            document = document.child(str(path.urn))
        return document.child(path.name)

    def sort_operand(self, path: Path) -> Operand:
        """The value that sorting goes by: of a multi-valued attribute the primary's, else the first's."""
        column = self._column(path)
        if column is not None:
            return column
        if not path.multi_valued:
            return self.operand(path)
        return _in_json(self._node(path).chosen_entry().child(path.sub or "value"))

    def _column(self, path: Path) -> Operand | None:
        if path.urn not in (None, CORE[self.kind]):
            return None
        name = path.name if path.sub is None else f"{path.name}.{path.sub}"
        return _COLUMNS[self.kind].get(name)

    def _some_member(self, test: Callable[[Scope], Condition]) -> Condition:
        member = schema.member.alias()
        kind = sa.case((member.c.kind == "user", "User"), (member.c.kind == "group", "Group"))
        entry = Columns(
            {"": member.c.value, "value": member.c.value, "display": member.c.display, "type": kind}
        )
        return _exists(member, and_(member.c.group_id == _GROUP.c.id, test(entry)))

    def _some_group(self, test: Callable[[Scope], Condition]) -> Condition:
        member, group = schema.member.alias(), _GROUP.alias()
        entry = Columns(
            {"": group.c.id, "value": group.c.id, "display": group.c.name, "type": literal("direct")}
        )
        mine = and_(member.c.value == _PERSON.c.id, member.c.kind == "user", group.c.deleted_at.is_(None))
        return _exists(member.join(group, group.c.id == member.c.group_id), and_(mine, test(entry)))

    def _some_schema(self, test: Callable[[Scope], Condition]) -> Condition:
        source, key = document_of(TABLES[self.kind], self.dialect).keys()
        core = literal(CORE[self.kind])
        extension = _exists(source, and_(key.like("urn:%"), test(Columns({"": key, "value": key}))))
        return sa.or_(test(Columns({"": core, "value": core})), extension)


@dataclass(frozen=True, slots=True)
class Single:
    """One complex value inside a document: its paths name sub-attributes."""

    node: JsonNode

    def some(self, path: Path, test: Test, *, whole: bool = False) -> Condition:  # noqa: ARG002 - see Scope
        return test(_in_json(self.node.child(path.name) if path.name else self.node))

    def some_entry(self, path: Path, test: Callable[[Scope], Condition]) -> Condition:
        return test(Single(self.node.child(path.name)))


@dataclass(frozen=True, slots=True)
class Columns:
    """An entry whose sub-attributes are columns; any other sub-attribute is unassigned."""

    columns: dict[str, ColumnElement[Any]]

    def some(self, path: Path, test: Test, *, whole: bool = False) -> Condition:  # noqa: ARG002 - see Scope
        return test(Operand(text=self.columns.get(path.name, sa.cast(sa.null(), sa.Text))))

    def some_entry(self, path: Path, test: Callable[[Scope], Condition]) -> Condition:  # noqa: ARG002 - see Scope
        return sa.false()


def _in_json(node: JsonNode) -> Operand:
    return Operand(text=node.text(), json=node)


def _exists(source: FromClause, condition: Condition) -> Condition:
    return select(literal(1)).select_from(source).where(condition).exists()


def _meta(kind: Kind) -> dict[str, Operand]:
    table = TABLES[kind]
    return {
        "id": Operand(text=table.c.id),
        "externalId": Operand(text=table.c.scim_external_id),
        "meta.created": Operand(text=table.c.created_at),
        "meta.lastModified": Operand(text=table.c.updated_at),
        "meta.resourceType": Operand(text=literal(kind.value)),
        "meta.version": Operand(text=literal('W/"') + sa.cast(table.c.version, sa.Text) + literal('"')),
    }


_COLUMNS: Final[dict[Kind, dict[str, Operand]]] = {
    Kind.USER: _meta(Kind.USER)
    | {
        "userName": Operand(text=_PERSON.c.user_name, key=_PERSON.c.user_name_key),
        "name.givenName": Operand(text=_PERSON.c.first_name),
        "name.familyName": Operand(text=_PERSON.c.last_name),
        "active": Operand(text=_PERSON.c.status == "active"),
    },
    Kind.GROUP: _meta(Kind.GROUP) | {"displayName": Operand(text=_GROUP.c.name, key=_GROUP.c.name_key)},
}
