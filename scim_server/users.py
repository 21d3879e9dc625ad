"""What happens to User resources: a client's body becomes a document for the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from scim_server.bodies import read_body, require
from scim_server.errors import not_found
from scim_server.exchange import Call
from scim_server.operations import read_operations
from scim_server.patch import Patch
from sync.model.errors import Duplicate
from sync.model.query import Both, Comparison, Filter, Operator, Path, Query
from sync.model.session import Kind, Resource, Session

_EXTERNAL_ID = Path(name="externalId", case_exact=True)
_ACTIVE = Path(name="active", type="boolean")


def create(session: Session, call: Call, body: Any) -> Resource:
    """POST: absent ``active`` means true."""
    resource_type = call.catalogue.user
    document = read_body(resource_type, body, call.reading()).document
    require(resource_type, document)
    document.setdefault("active", True)
    _check_external_id(session, call, document)
    if not call.knobs.reactivate_on_post:
        _refuse_reactivation(session, document)
    return session.create_user(document)


def replace(
    session: Session, call: Call, user_id: str, body: Any, if_version: Sequence[int] | None
) -> Resource:
    """PUT: what is not sent is cleared, except ``active``, which stays as it is."""
    stored = stored_user(session, user_id)
    resource_type = call.catalogue.user
    document = read_body(resource_type, body, call.reading()).document
    require(resource_type, document)
    document.setdefault("active", orjson.loads(stored.text).get("active", True))
    _check_external_id(session, call, document, user_id)
    return session.replace_user(user_id, document, if_version)


def patch(
    session: Session, call: Call, user_id: str, body: Any, if_version: Sequence[int] | None
) -> Resource:
    """PATCH: all operations or none, one version."""
    stored = stored_user(session, user_id)
    reading = call.reading()
    before = orjson.loads(stored.text)
    patched = Patch(call.catalogue.user, before, reading)
    patched.apply(read_operations(body, reading))
    document = patched.document
    if document.get("externalId") != before.get("externalId"):
        _check_external_id(session, call, document, user_id)
    return session.replace_user(user_id, document, if_version)


def delete(session: Session, _call: Call, user_id: str, if_version: Sequence[int] | None) -> None:
    session.delete_user(user_id, if_version)


def stored_user(session: Session, user_id: str) -> Resource:
    stored = session.get(Kind.USER, user_id)
    if stored is None:
        raise not_found(f"User {user_id!r}")
    return stored


def _check_external_id(
    session: Session, call: Call, document: Mapping[str, Any], user_id: str | None = None
) -> None:
    """The knob ``external_id_unique``: another active row with this externalId is a duplicate."""
    external_id = document.get("externalId")
    if not call.knobs.external_id_unique or external_id is None:
        return
    rows = _with_external_id(session, external_id, active=True)
    if any(row.id != user_id for row in rows):
        raise Duplicate(f"Another user has the externalId {external_id!r}; look that user up and update it.")


def _refuse_reactivation(session: Session, document: Mapping[str, Any]) -> None:
    external_id = document.get("externalId")
    if external_id is not None and _with_external_id(session, external_id, active=False):
        raise Duplicate(
            f"An inactive user has the externalId {external_id!r}; set it active instead of creating it."
        )


def _with_external_id(session: Session, external_id: str, *, active: bool) -> Sequence[Resource]:
    same: Filter = Comparison(path=_EXTERNAL_ID, operator=Operator.EQ, value=external_id)
    state: Filter = Comparison(path=_ACTIVE, operator=Operator.EQ, value=active)
    return session.find(Kind.USER, Query(filter=Both(terms=(same, state)), count=2)).resources
