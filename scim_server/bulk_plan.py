"""A bulk request as read, and the order its ``bulkId`` references demand; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from scim_server.auth import is_plain_id
from scim_server.discovery import MAX_BULK_OPERATIONS
from scim_server.errors import ScimError, invalid_syntax, invalid_value
from scim_server.filter import shortened
from scim_server.knobs import Knobs
from sync.model.session import Kind

REQUEST_URN = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_KINDS = {"users": Kind.USER, "groups": Kind.GROUP}
_PREFIX = "bulkid:"
_GONE: Any = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkOperation:
    """One operation. ``target`` is the id in its path, ``target_reference`` the bulkId when it is one."""

    index: int
    method: str
    kind: Kind
    target: str = ""
    target_reference: str | None = None
    bulk_id: str | None = None
    version: str | None = None
    data: Any = None
    references: frozenset[str] = frozenset()

    @property
    def refers_to_itself(self) -> bool:
        return self.bulk_id in self.references

    def result(self, status: str) -> dict[str, Any]:
        shown: dict[str, Any] = {"method": self.method, "status": status}
        if self.bulk_id is not None:
            shown["bulkId"] = self.bulk_id
        return shown


def read_bulk(body: Any, knobs: Knobs) -> tuple[list[BulkOperation], int | None]:
    """The operations and ``failOnErrors`` (None: never stop); ScimError 400 or 413 for the whole request."""
    if not isinstance(body, dict):
        raise invalid_syntax("The body must be one JSON object with Operations.")
    keys = {key.lower(): value for key, value in body.items()}
    given = keys.get("operations")
    if not isinstance(given, list):
        raise invalid_syntax("Operations must be a list.")
    if knobs.strict and REQUEST_URN not in (body.get("schemas") or ()):
        raise invalid_syntax(f"schemas must hold {REQUEST_URN}.")
    if len(given) > MAX_BULK_OPERATIONS:
        raise ScimError(413, f"There are {len(given)} operations; send {MAX_BULK_OPERATIONS} at most.")
    operations = [_operation(index, each) for index, each in enumerate(given)]
    _check_distinct(operations)
    return operations, _fail_on_errors(keys.get("failonerrors"))


def _fail_on_errors(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise invalid_value("failOnErrors takes a whole number.")
    return max(1, value)


def _check_distinct(operations: Sequence[BulkOperation]) -> None:
    seen: set[str] = set()
    for operation in operations:
        if operation.bulk_id is not None and operation.bulk_id in seen:
            raise invalid_value(f"The bulkId {shortened(operation.bulk_id)} occurs twice.")
        if operation.bulk_id is not None:
            seen.add(operation.bulk_id)


def _operation(index: int, given: Any) -> BulkOperation:
    if not isinstance(given, dict):
        raise invalid_syntax("An operation must be an object with method and path.")
    keys = {key.lower(): value for key, value in given.items()}
    method, path = keys.get("method"), keys.get("path")
    if not isinstance(method, str) or method.upper() not in _METHODS:
        raise invalid_syntax(f"Operation {index + 1} has no method POST, PUT, PATCH or DELETE.")
    kind, target = _target(index, method.upper(), path)
    bulk_id, version, data = keys.get("bulkid"), keys.get("version"), keys.get("data")
    if not isinstance(bulk_id, str | None) or not isinstance(version, str | None):
        raise invalid_syntax(f"bulkId and version of operation {index + 1} must be texts.")
    reference = _reference(target)
    return BulkOperation(
        index=index,
        method=method.upper(),
        kind=kind,
        target=target,
        target_reference=reference,
        bulk_id=bulk_id or None,
        version=version,
        data=data,
        references=frozenset(_references(data) | ({reference} if reference else set())),
    )


def _target(index: int, method: str, path: Any) -> tuple[Kind, str]:
    parts = path.partition("?")[0].strip("/").split("/") if isinstance(path, str) else []
    kind = _KINDS.get(parts[0].lower()) if parts else None
    if kind is None or len(parts) != (1 if method == "POST" else 2):
        raise invalid_value(
            f"Operation {index + 1} cannot {method} {shortened(str(path))}; use /Users or /Groups."
        )
    target = parts[1] if len(parts) == 2 else ""
    if target and not is_plain_id(target):
        raise invalid_value(f"The path of operation {index + 1} holds no valid id.")
    return kind, target


def _reference(text: Any) -> str | None:
    """The bulkId that ``bulkId:x`` names."""
    if isinstance(text, str) and text[: len(_PREFIX)].lower() == _PREFIX:
        return text[len(_PREFIX) :]
    return None


def _references(data: Any) -> set[str]:
    if isinstance(data, dict):
        return set().union(*(_references(value) for value in data.values()))
    if isinstance(data, list):
        return set().union(*(_references(value) for value in data))
    reference = _reference(data)
    return {reference} if reference else set()


def resolve(data: Any, ids: Mapping[str, str]) -> Any:
    """``data`` with every known ``bulkId:x`` replaced by the id it became."""
    if isinstance(data, dict):
        return {key: resolve(value, ids) for key, value in data.items()}
    if isinstance(data, list):
        return [resolve(value, ids) for value in data]
    reference = _reference(data)
    return ids.get(reference, data) if reference else data


def without_references(data: Any, known: Mapping[str, str]) -> Any:
    """``data`` without what refers to an unknown bulkId: the whole entry goes, never half of it."""
    kept = _pruned(data, known, top=True)
    return {} if kept is _GONE else kept


def _pruned(data: Any, known: Mapping[str, str], *, top: bool = False) -> Any:
    if isinstance(data, dict):
        kept = {key: _pruned(value, known) for key, value in data.items()}
        lost = any(value is _GONE for value in kept.values())
        if lost and not top and any(_is_unknown(value, known) for value in data.values()):
            return _GONE
        return {key: value for key, value in kept.items() if value is not _GONE}
    if isinstance(data, list):
        return [value for each in data if (value := _pruned(each, known)) is not _GONE]
    return _GONE if _is_unknown(data, known) else data


def _is_unknown(value: Any, known: Mapping[str, str]) -> bool:
    reference = _reference(value)
    return reference is not None and reference not in known


def next_group(
    pending: Sequence[BulkOperation], defined: Mapping[str, BulkOperation], settled: AbstractSet[str]
) -> list[BulkOperation]:
    """What to do next: the first operation that waits for nothing, else the operations of one cycle."""
    waiting = {each.bulk_id: each for each in pending if each.bulk_id in defined and each.method == "POST"}
    for operation in pending:
        if not _unmet(operation, waiting, settled):
            return [operation]
    return _cycle(pending[0], waiting, settled)


def _unmet(
    operation: BulkOperation, waiting: Mapping[str | None, BulkOperation], settled: AbstractSet[str]
) -> list[BulkOperation]:
    return [waiting[each] for each in sorted(operation.references) if each in waiting and each not in settled]


def _cycle(
    start: BulkOperation, waiting: Mapping[str | None, BulkOperation], settled: AbstractSet[str]
) -> list[BulkOperation]:
    """A set of operations that all reach each other and wait for nobody else, in request order."""
    while True:
        reached = _reachable(start, waiting, settled)
        mutual = {
            index: each
            for index, each in reached.items()
            if start.index in _reachable(each, waiting, settled)
        }
        outside = next((each for index, each in reached.items() if index not in mutual), None)
        if outside is None:
            return [mutual[index] for index in sorted(mutual)]
        start = outside


def _reachable(
    start: BulkOperation, waiting: Mapping[str | None, BulkOperation], settled: AbstractSet[str]
) -> dict[int, BulkOperation]:
    found: dict[int, BulkOperation] = {}
    to_visit = _unmet(start, waiting, settled)
    while to_visit:
        each = to_visit.pop()
        if each.index not in found:
            found[each.index] = each
            to_visit.extend(_unmet(each, waiting, settled))
    return found
