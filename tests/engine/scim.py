"""A directory's IdP that pushes: SCIM documents out of records, sent through the engine's sessions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sync.model.connection import Connection
from sync.model.resources import Status, UserRecord
from sync.model.session import (
    AddMembers,
    Kind,
    MemberEdit,
    NewMember,
    RemoveMembers,
    Resource,
    SetMembers,
)
from tests.engine.house import House

Document = dict[str, Any]


def person(user_name: str, external_id: str | None = None, **said: Any) -> Document:
    """A SCIM User whose e-mail is her userName."""
    document: Document = {
        "userName": user_name,
        "active": True,
        "name": {"givenName": "Ada", "familyName": "Byron"},
        "emails": [{"value": user_name, "type": "work", "primary": True}],
    }
    return document | ({"externalId": external_id} if external_id else {}) | said


def document_of(record: UserRecord) -> Document:
    """What an IdP pushes of a person whom its own API shows as ``record``."""
    names = {"givenName": record.first_name, "familyName": record.last_name}
    document: Document = {"userName": record.user_name, "externalId": record.external_id}
    document["active"] = record.status is Status.ACTIVE
    document["name"] = {key: name for key, name in names.items() if name is not None}
    if record.email:
        document["emails"] = [{"value": record.email, "type": "work", "primary": True}]
    return document


def members(ids: Iterable[str]) -> list[NewMember]:
    return [NewMember(value=id_) for id_ in ids]


class Pusher:
    """One connection's IdP; every call is a request of its own."""

    def __init__(self, house: House, connection: Connection) -> None:
        self._house = house
        self._connection = connection

    def create(self, document: Document) -> Resource:
        return self._house.push(self._connection, lambda session: session.create_user(document))

    def replace(self, id_: str, document: Document) -> Resource:
        return self._house.push(self._connection, lambda session: session.replace_user(id_, document))

    def delete(self, id_: str) -> None:
        self._house.push(self._connection, lambda session: session.delete_user(id_))

    def get(self, id_: str, kind: Kind = Kind.USER) -> Resource | None:
        return self._house.push(self._connection, lambda session: session.get(kind, id_))

    def create_group(self, name: str, ids: Iterable[str] = (), external_id: str | None = None) -> Resource:
        document = {"displayName": name} | ({"externalId": external_id} if external_id else {})
        named = members(ids)
        return self._house.push(self._connection, lambda session: session.create_group(document, named))

    def change_group(
        self, id_: str, name: str, *edits: MemberEdit, external_id: str | None = None
    ) -> Resource:
        document = {"displayName": name} | ({"externalId": external_id} if external_id else {})
        return self._house.push(
            self._connection, lambda session: session.change_group(id_, document, list(edits))
        )

    def add(self, id_: str, name: str, *ids: str) -> Resource:
        return self.change_group(id_, name, AddMembers(members=members(ids)))

    def take_out(self, id_: str, name: str, *ids: str) -> Resource:
        return self.change_group(id_, name, RemoveMembers(values=ids))

    def set(self, id_: str, name: str, *ids: str) -> Resource:
        return self.change_group(id_, name, SetMembers(members=members(ids)))

    def delete_group(self, id_: str) -> None:
        self._house.push(self._connection, lambda session: session.delete_group(id_))
