"""Bulk (RFC 7644 §3.7): many operations in one request, each its own transaction, a cycle one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scim_server.bulk_plan import BulkOperation, next_group, read_bulk, resolve, without_references
from scim_server.errors import ScimError, from_engine
from scim_server.exchange import Answer, Call
from scim_server.render import etag, location
from scim_server.resources import VERBS, demanded_versions
from sync.model.errors import ConnectorError
from sync.model.session import Resource, Session

RESPONSE_URN = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
_STATUS = {"POST": "201", "PUT": "200", "PATCH": "200", "DELETE": "204"}


def run(call: Call) -> Answer:
    """Carry out a bulk request; the answer is 200 whatever its operations came to."""
    operations, fail_on_errors = read_bulk(call.request.json(), call.knobs)
    results = _Run(call, operations, fail_on_errors).results()
    return Answer.of({"schemas": [RESPONSE_URN], "Operations": results})


class _Run:
    """The progress of one bulk request: what is done, what came of it, which ids were given."""

    def __init__(self, call: Call, operations: Sequence[BulkOperation], fail_on_errors: int | None) -> None:
        self.call = call
        self.operations = operations
        self.fail_on_errors = fail_on_errors
        self.ids: dict[str, str] = {}
        self.failed: set[str] = set()
        self.done: dict[int, dict[str, Any]] = {}
        self.errors = 0

    def results(self) -> list[dict[str, Any]]:
        """One result per operation carried out, in request order."""
        defined = {each.bulk_id: each for each in self.operations if each.method == "POST" and each.bulk_id}
        pending = list(self.operations)
        while pending and not self._has_failed_enough():
            group = next_group(pending, defined, {*self.ids, *self.failed})
            if len(group) == 1 and not group[0].refers_to_itself:
                self._run_one(group[0], defined)
            else:
                self._run_cycle(group)
            indexes = {each.index for each in group}
            pending = [each for each in pending if each.index not in indexes]
        return [self.done[index] for index in sorted(self.done)]

    def _has_failed_enough(self) -> bool:
        return self.fail_on_errors is not None and self.errors >= self.fail_on_errors

    def _run_one(self, operation: BulkOperation, defined: Mapping[str, BulkOperation]) -> None:
        broken = next(
            (each for each in sorted(operation.references) if each in self.failed or each not in defined),
            None,
        )
        if broken is not None:
            self._fail([operation], ScimError(409, f"It refers to bulkId {broken!r}, which was not created."))
            return
        try:
            resource = self.call.gateway.write(
                self.call.access, lambda session: self._perform(session, operation)
            )
        except (ScimError, ConnectorError) as error:
            self._fail([operation], error)
            return
        self._succeed(operation, resource)

    def _perform(self, session: Session, operation: BulkOperation) -> Resource | None:
        verbs = VERBS[operation.kind]
        if operation.method == "POST":
            return verbs.create(session, self.call, resolve(operation.data, self.ids))
        resource_id = self.ids.get(operation.target_reference or "", operation.target)
        versions = demanded_versions(operation.version)
        if operation.method == "DELETE":
            verbs.delete(session, self.call, resource_id, versions)
            return None
        change = verbs.replace if operation.method == "PUT" else verbs.patch
        return change(session, self.call, resource_id, resolve(operation.data, self.ids), versions)

    def _run_cycle(self, group: Sequence[BulkOperation]) -> None:
        """Operations that refer to each other: made without them, then completed, in one transaction."""
        try:
            made = self.call.gateway.write(
                self.call.access, lambda session: self._create_cycle(session, group)
            )
        except (ScimError, ConnectorError) as error:
            self._fail(group, error)
            return
        for operation, resource in zip(group, made, strict=True):
            self._succeed(operation, resource)

    def _create_cycle(self, session: Session, group: Sequence[BulkOperation]) -> list[Resource]:
        ids = dict(self.ids)
        for operation in group:
            bare = resolve(without_references(operation.data, ids), ids)
            made = VERBS[operation.kind].create(session, self.call, bare)
            ids[operation.bulk_id or ""] = made.id
        return [
            VERBS[each.kind].replace(
                session, self.call, ids[each.bulk_id or ""], resolve(each.data, ids), None
            )
            for each in group
        ]

    def _succeed(self, operation: BulkOperation, resource: Resource | None) -> None:
        result = operation.result(_STATUS[operation.method])
        if resource is not None:
            result["location"] = location(self.call, operation.kind, resource.id)
            result["version"] = etag(resource.version)
            if operation.method == "POST" and operation.bulk_id:
                self.ids[operation.bulk_id] = resource.id
        elif operation.method == "DELETE":
            target = self.ids.get(operation.target_reference or "", operation.target)
            result["location"] = location(self.call, operation.kind, target)
        self.done[operation.index] = result

    def _fail(self, group: Sequence[BulkOperation], error: ScimError | ConnectorError) -> None:
        answer = error if isinstance(error, ScimError) else from_engine(error)
        for operation in group:
            self.errors += 1
            result = operation.result(str(answer.status))
            if operation.method != "POST":
                target = self.ids.get(operation.target_reference or "", operation.target)
                result["location"] = location(self.call, operation.kind, target)
            result["response"] = answer.document()
            self.done[operation.index] = result
            if operation.method == "POST" and operation.bulk_id:
                self.failed.add(operation.bulk_id)
