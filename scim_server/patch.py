"""PATCH (RFC 7644 §3.5.2): operations in order on a document; a group's members become edits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from scim_server.attributes import Attribute, Found, ResourceType
from scim_server.bodies import require
from scim_server.coerce import (
    Reading,
    coerce,
    coerce_entry,
    coerce_list,
    distinct,
    keep_one_primary,
    significant,
)
from scim_server.errors import immutable, invalid_path, invalid_value, no_target
from scim_server.filter import shortened
from scim_server.matching import equalities, matches
from scim_server.member_edits import MemberPatch
from scim_server.operations import Operation
from scim_server.paths import Target, parse_target
from sync.model.query import Filter
from sync.model.session import MemberEdit, MemberRef

_SERVER_OWNED = frozenset({"id", "meta", "schemas", "groups"})


class Patch:
    """Applies operations to a copy of a document; ``edits`` collects what happens to the members."""

    def __init__(
        self,
        resource_type: ResourceType,
        document: Mapping[str, Any],
        reading: Reading,
        load_members: Callable[[], Sequence[MemberRef]] = tuple,
    ) -> None:
        self.type = resource_type
        self.document: dict[str, Any] = orjson.loads(orjson.dumps(document))
        self.reading = reading
        self.members = MemberPatch(reading, load_members)

    @property
    def edits(self) -> list[MemberEdit]:
        return self.members.edits

    def apply(self, operations: Sequence[Operation]) -> None:
        """Apply all of them in order; a failing one raises ScimError and the whole patch is void."""
        for operation in operations:
            if operation.op == "remove":
                self._remove(operation)
            elif not operation.has_value:
                raise invalid_value(f"The {operation.op} operation has no value.")
            elif operation.path is None:
                self._spread(operation.op, operation.value)
            else:
                self._assign(operation.op, operation.path, operation.value)
        self._tidy()
        require(self.type, self.document)

    def _target(self, path: str) -> Target | None:
        """The place a path names; None when the operation is to be passed over."""
        if path.lower().rpartition(":")[2] == "password":
            return None
        target = parse_target(path, self.type, self.reading.knobs)
        if target is None:
            if self.reading.knobs.unknown_attributes == "reject":
                raise invalid_path(f"The path {shortened(path)} names no attribute we know.")
            self.reading.notes.append("entra_unknown_attribute")
            return None
        return None if self._is_read_only(target, path) else target

    def _is_read_only(self, target: Target, path: str) -> bool:
        """Whether to pass over a readOnly target; one that no client has reason to name raises."""
        attribute, sub = target.found.attribute, target.found.sub
        if attribute is None or not (attribute.read_only or (sub is not None and sub.read_only)):
            return False
        if attribute.name in _SERVER_OWNED and not self.reading.knobs.strict:
            self.reading.notes.append("generic_read_only_path")
            return True
        raise immutable(f"{path} is set by the server; remove it from the mapping.")

    def _spread(self, op: str, value: Any) -> None:
        """A value without a path: each key is a name, a dotted or bracketed path, or a URN."""
        if not isinstance(value, dict):
            raise invalid_value(f"An {op} operation without path takes an object.")
        for key, inner in value.items():
            found = self.type.find(key) if "[" not in key else None
            if found is not None and found.attribute is not None and found.attribute.read_only:
                continue
            if (
                inner is None
                and found is not None
                and found.attribute is not None
                and found.attribute.name == "members"
            ):
                self.reading.notes.append("generic_null_members")
                continue
            self._assign(op, key, inner)

    def _assign(self, op: str, path: str, value: Any) -> None:
        target = self._target(path)
        if target is None:
            return
        found = target.found
        if found.attribute is None:
            self._assign_block(op, found.urn, value)
        elif found.attribute.name == "members" and found.urn is None:
            self.members.assign(op, target, value)
        elif target.filter is not None:
            self._assign_entries(op, target, target.filter, value)
        elif found.attribute.multi_valued:
            self._assign_list(op, found, value)
        else:
            self._assign_single(found, value)

    def _assign_block(self, op: str, urn: str | None, value: Any) -> None:
        """A whole extension (or the core under its URN): its keys one by one."""
        if not isinstance(value, dict):
            raise invalid_value(f"The value of {urn or self.type.schema.urn} must be an object.")
        prefix = urn or self.type.schema.urn
        for key, inner in value.items():
            self._assign(op, f"{prefix}:{key}", inner)

    def _home(self, urn: str | None) -> dict[str, Any]:
        if urn is None:
            return self.document
        home: dict[str, Any] = self.document.setdefault(urn, {})
        return home

    def _assign_single(self, found: Found, value: Any) -> None:
        attribute, home = found.named, self._home(found.urn)
        if found.sub is not None:
            entry = home.setdefault(attribute.name, {})
            self._set_in(entry, found.sub, value)
        elif attribute.type == "complex" and (merged := _as_object(value)) is not None:
            self._merge(attribute, home.setdefault(attribute.name, {}), merged)
        else:
            self._set_in(home, attribute, value)

    def _set_in(self, home: dict[str, Any], attribute: Attribute, value: Any) -> None:
        coerced = coerce(attribute, value, self.reading)
        if coerced is None:
            home.pop(attribute.name, None)
        else:
            home[attribute.name] = coerced

    def _merge(self, attribute: Attribute, entry: dict[str, Any], given: Mapping[str, Any]) -> None:
        """Set the sub-attributes that are named, leave the others; null or "" unassigns one."""
        if "value" in attribute.by_key and not any(key.lower() == "value" for key in given):
            referred = coerce(attribute, {"$ref": given.get("$ref")}, self.reading)
            given = {**given, **(referred or {})}
        for key, value in given.items():
            sub = attribute.by_key.get(key.lower())
            if sub is None:
                if value is not None:
                    self.reading.unknown(f"{attribute.name}.{key}")
            elif not sub.read_only and sub.name != "$ref":
                self._set_in(entry, sub, value)

    def _assign_list(self, op: str, found: Found, value: Any) -> None:
        attribute, home = found.named, self._home(found.urn)
        entries: list[Any] = home.get(attribute.name) or []
        if found.sub is not None:
            self._set_everywhere(home, attribute, entries, found.sub, value)
            return
        given = coerce_list(attribute, value, self.reading) if value is not None else None
        if op == "replace":
            _put(home, attribute.name, given or [])
        elif given:
            merged = distinct([*_demoted(entries, given), *given])
            _promote(merged, given)
            _put(home, attribute.name, merged)

    def _set_everywhere(
        self, home: dict[str, Any], attribute: Attribute, entries: list[Any], sub: Attribute, value: Any
    ) -> None:
        """``emails.value`` without a filter: every entry, or a new one when there is none."""
        if not entries:
            entries = [{}]
        for entry in entries:
            self._set_in(entry, sub, value)
        if sub.name == "primary":
            keep_one_primary(entries, last=True)
        _put(home, attribute.name, entries)

    def _assign_entries(self, op: str, target: Target, tree: Filter, value: Any) -> None:
        attribute, home = target.found.named, self._home(target.found.urn)
        if not attribute.multi_valued:
            self._assign_filtered_single(target, tree, home, value)
            return
        entries: list[Any] = home.setdefault(attribute.name, [])
        terms = equalities(tree)
        chosen = [entry for entry in entries if matches(tree, entry)]
        if not chosen:
            chosen = [self._new_entry(terms)]
            entries.extend(chosen)
        for entry in chosen:
            self._write_entry(op, target.found, entry, value, terms or {})
        _demote_others(entries, chosen)

    def _assign_filtered_single(self, target: Target, tree: Filter, home: dict[str, Any], value: Any) -> None:
        """A filter on a complex attribute of one value: it holds, or there is nothing to write to."""
        if not matches(tree, home.get(target.found.named.name) or {}):
            raise no_target("The path's filter matches nothing.")
        self._assign_single(target.found, value)

    def _new_entry(self, terms: Mapping[str, Any] | None) -> dict[str, Any]:
        strict = self.reading.knobs.unmatched_value_path == "reject"
        if terms is None or strict:
            raise no_target("The path's filter matches no entry, and none can be made from it.")
        self.reading.notes.append("entra_value_path_creates")
        return dict(terms)

    def _write_entry(
        self, op: str, found: Found, entry: dict[str, Any], value: Any, terms: Mapping[str, Any]
    ) -> None:
        attribute = found.named
        if found.sub is not None:
            self._set_in(entry, found.sub, value)
            return
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if op == "replace":
            given = coerce_entry(attribute, value, self.reading) or {}
            entry.clear()
            entry.update({**terms, **given} if given else {})
        elif isinstance(value, dict):
            self._merge(attribute, entry, value)
        else:
            entry.update(coerce_entry(attribute, value, self.reading) or {})

    def _remove(self, operation: Operation) -> None:
        if operation.path is None:
            raise no_target("A remove operation needs a path.")
        target = self._target(operation.path)
        if target is None:
            return
        found = target.found
        if found.attribute is None:
            self._remove_block(found.urn)
        elif found.attribute.name == "members" and found.urn is None:
            self.members.remove(target, operation.value if operation.has_value else None)
        elif found.attribute.required and found.sub is None:
            raise immutable(f"{found.attribute.name} is required and cannot be removed.")
        else:
            self._remove_attribute(target, found.attribute)

    def _remove_block(self, urn: str | None) -> None:
        if urn is None:
            raise immutable("The core attributes cannot be removed together.")
        self.document.pop(urn, None)

    def _remove_attribute(self, target: Target, attribute: Attribute) -> None:
        home, sub = self._home(target.found.urn), target.found.sub
        current = home.get(attribute.name)
        if current is None:
            return
        if target.filter is None and sub is None:
            del home[attribute.name]
            return
        entries = current if isinstance(current, list) else [current]
        for entry in entries:
            if target.filter is None or matches(target.filter, entry):
                _clear(entry, sub)
        # What is gone must not be met by the operations that follow.
        left = [entry for entry in entries if entry]
        _put(home, attribute.name, left if isinstance(current, list) else current)

    def _tidy(self) -> None:
        """Drop what the operations emptied or made equal: entries, attributes, extensions."""
        for name, value in list(self.document.items()):
            if name.lower() in self.type.by_urn and isinstance(value, dict):
                _tidy_block(value)
        _tidy_block(self.document)


def _as_object(value: Any) -> Mapping[str, Any] | None:
    """The object in ``value``, alone or as the one element of a list."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, dict) else None


def _clear(entry: dict[str, Any], sub: Attribute | None) -> None:
    if sub is None:
        entry.clear()
        return
    entry.pop(sub.name, None)
    if not significant(entry):
        entry.clear()


def _put(home: dict[str, Any], name: str, value: Any) -> None:
    if value:
        home[name] = value
    else:
        home.pop(name, None)


def _demoted(entries: list[Any], given: Sequence[Any]) -> list[Any]:
    """The present entries, none of them primary any more when a given one is (RFC 7644 §3.5.2)."""
    if not any(isinstance(entry, dict) and entry.get("primary") is True for entry in given):
        return entries
    return [
        {**entry, "primary": False} if isinstance(entry, dict) and entry.get("primary") is True else entry
        for entry in entries
    ]


def _promote(merged: list[Any], given: Sequence[Any]) -> None:
    """Let an entry that was there already take what the added one says beyond (type, value)."""
    for new in given:
        for entry in merged:
            if isinstance(new, dict) and isinstance(entry, dict) and _same(entry, new):
                entry.update(new)


def _same(entry: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return "value" in new and entry.get("value") == new["value"] and entry.get("type") == new.get("type")


def _demote_others(entries: list[Any], chosen: Sequence[Any]) -> None:
    if any(entry.get("primary") is True for entry in chosen):
        ids = {id(entry) for entry in chosen}
        for entry in entries:
            if id(entry) not in ids and entry.get("primary") is True:
                entry["primary"] = False
        keep_one_primary(list(chosen), last=True)


def _tidy_block(block: dict[str, Any]) -> None:
    for name, value in list(block.items()):
        kept = distinct(filter(significant, value)) if isinstance(value, list) else value
        if kept in ({}, []):
            del block[name]
        else:
            block[name] = kept
