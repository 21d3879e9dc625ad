"""Settings nobody saved, tried on the directory itself: are the rights there, and what does it say then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from connector.directory_settings import secret_names
from connector.usecases import shapes
from connector.usecases.connections import CHECK_LIMIT_S, merged
from connector.usecases.wires import Wires
from sync.group_rules import rules_of
from sync.mapping import map_of
from sync.model.connection import Connection, Mode, Policy
from sync.model.errors import ConnectorError, Misconfigured, NotFound
from sync.model.resources import GroupRecord, UserRecord
from sync.model.source import Page, Source
from sync.policy import address_of
from sync.store import connections as store
from sync.store import targets

SAMPLE_LIMIT_S: Final = 20.0
PAGES_READ: Final = 60
"""A sample ends here at the latest; a directory with more people than that has its groups unread."""

PEOPLE_SHOWN: Final = 5
GROUPS_SHOWN: Final = 200
PROFILE: Final = ("email", "first_name", "last_name", "picture_url", "user_name")


class Trials:
    """Looks at a directory under settings that are not saved; nothing is written."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    def test(self, ref: str, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Prove the rights a pull needs one by one; ``error`` says why the source cannot be asked.

        With ``given`` under these settings instead of the saved ones, credentials among them.
        """
        connection = self._under(ref, given or {})
        rights: list[dict[str, Any]] = []
        tenant = error = None
        try:
            source = self._wires.open_source(connection, limit_s=CHECK_LIMIT_S)
            try:
                rights = [shapes.right(each) for each in source.check()]
                tenant = source.identity()
            finally:
                source.close()
        except ConnectorError as problem:
            error = problem.message
        ready = error is None and all(right["state"] == "ok" for right in rights)
        found = {"connection": connection.name, "ready": ready, "tenant": tenant}
        return found | {"rights": rights, "error": error}

    def sample(
        self, ref: str, given: Mapping[str, Any] | None = None, *, user: str | None = None
    ) -> dict[str, Any]:
        """The first people and groups of the directory, as these settings would take them.

        ``user`` names one person by external id, id or e-mail instead. Raises what the source raises,
        and NotFound for a person it does not have.
        """
        connection = self._under(ref, given or {})
        policy = self._wires.policy_of(connection)
        source = self._wires.open_source(connection, limit_s=SAMPLE_LIMIT_S)
        try:
            found = self._person(source, connection, user) if user else _first(source)
        finally:
            source.close()
        return found.as_json(connection, policy)

    def applications(self, ref: str, search: str | None = None) -> dict[str, Any]:
        """The directory's applications by name, to choose a scope by; raises what the directory raises."""
        connection = self._under(ref, {})
        with self._wires.administration(connection) as directory:
            found = directory.applications()
        part = (search or "").casefold()
        rows = [shapes.application(each) for each in found if part in each.name.casefold()]
        return {"connection": connection.name, "applications": rows}

    def _person(self, source: Source, connection: Connection, user: str) -> _Sample:
        with self._wires.database.read() as conn:
            ids = targets.external_ids(conn, connection.id, [user])
        answer = source.lookup(ids)
        sample = _Sample()
        for external_id, record in answer.present.items():
            sample.people.append((record, answer.raw.get(external_id, {})))
        if not sample.people:
            raise NotFound(f"the directory has nobody with the id {user}, or not within the scope")
        return sample

    def _under(self, ref: str, given: Mapping[str, Any]) -> Connection:
        with self._wires.database.read() as conn:
            connection = store.find(conn, ref)
        if not given:
            return connection
        if connection.from_file:
            raise Misconfigured(f"{connection.name} is kept equal to the configuration file; try it there")
        return tried(connection, given)


def tried(connection: Connection, given: Mapping[str, Any]) -> Connection:
    """The connection as it would be with these settings, its credentials in clear among them.

    Never to be stored. A credential that is not given is the saved one.
    """
    settings = merged(connection.settings, given)
    hidden = secret_names(connection.type)
    return replace(
        connection,
        mode=Mode(settings.pop("mode", connection.mode)),
        settings={name: value for name, value in settings.items() if name not in ("name", "enabled")},
        sealed={name: text for name, text in connection.sealed.items() if name not in hidden & given.keys()},
    )


@dataclass(slots=True)
class _Sample:
    """What a sample has met so far."""

    people: list[tuple[UserRecord, Mapping[str, Any]]] = field(default_factory=list)
    groups: list[GroupRecord] = field(default_factory=list)
    met: int = 0
    has_ended: bool = False

    def take(self, page: Page) -> None:
        """Note the first people, and every group."""
        raw: Sequence[Mapping[str, Any]] = page.raw or [{}] * len(page.users)
        room = max(0, PEOPLE_SHOWN - len(self.people))
        self.people += list(zip(page.users, raw, strict=True))[:room]
        self.met += len(page.users)
        self.groups += page.groups
        self.has_ended = self.has_ended or page.end is not None

    def as_json(self, connection: Connection, policy: Policy) -> dict[str, Any]:
        groups = [_group(each, policy) for each in self.groups]
        return {
            "connection": connection.name,
            "people": [_person(record, raw, policy) for record, raw in self.people],
            "people_met": self.met,
            "everybody_met": self.has_ended,
            "groups": groups[:GROUPS_SHOWN],
            "groups_met": len(groups),
            "groups_that_count": sum(each["counts"] for each in groups),
        }


def _first(source: Source) -> _Sample:
    """Read from page 1 until the groups are known, the read ends, or it has been enough.

    Members, which come last and cost most, are not waited for.
    """
    sample = _Sample()
    for number, page in enumerate(source.full(), start=1):
        sample.take(page)
        if number >= PAGES_READ or page.members:
            break
    return sample


def _person(record: UserRecord, raw: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    fields = map_of(policy)
    mapped = fields.record(record, raw) if fields else record
    return {
        "external_id": record.external_id,
        "status": record.status.value,
        "status_text": record.status_text,
        "said": {name: getattr(record, name) or None for name in PROFILE},
        "becomes": {name: getattr(mapped, name) or None for name in PROFILE}
        | {"email": address_of(mapped, policy)}
        | dict(mapped.extra),
        "attributes": dict(raw),
    }


def _group(record: GroupRecord, policy: Policy) -> dict[str, Any]:
    why = rules_of(policy).why_out(record)
    return {
        "external_id": record.external_id,
        "name": record.name,
        "counts": why is None,
        "why": why,
        "tag": policy.tag_of(record.name) if why is None else None,
    }
