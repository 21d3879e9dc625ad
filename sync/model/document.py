"""A directory user or group as a SCIM document, and a SCIM document as a record.

Documents hold canonical attribute names (RFC 7643 §4) without ``id``, ``meta``, ``schemas``,
``groups`` and ``members``. A row that came by pull has no document of its own until a push
writes one: it is made from the columns when somebody reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync.model.resources import GroupRecord, Status, UserRecord


def user_document(
    *,
    user_name: str,
    scim_external_id: str | None,
    email: str | None,
    first_name: str | None,
    last_name: str | None,
    picture_url: str | None,
    active: bool,
    base: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The SCIM document of a directory user; ``base`` keeps what only a push knows (title, …)."""
    document = dict(base or {})
    document["userName"] = user_name
    document["active"] = active
    _put(document, "externalId", scim_external_id)
    _put_within(document, "name", {"givenName": first_name, "familyName": last_name})
    _put_first(document, "emails", email, "work")
    _put_first(document, "photos", picture_url, "photo")
    return document


def group_document(
    *, name: str, scim_external_id: str | None, base: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The SCIM document of a group, members apart."""
    document = dict(base or {})
    document["displayName"] = name
    _put(document, "externalId", scim_external_id)
    return document


def user_record(document: Mapping[str, Any]) -> UserRecord:
    """What a pushed document says of a person. ``external_id`` is left to the caller's rules."""
    name = document.get("name") or {}
    return UserRecord(
        external_id="",
        user_name=str(document.get("userName") or ""),
        email=_chosen(document.get("emails"), preferred_type="work"),
        first_name=name.get("givenName"),
        last_name=name.get("familyName"),
        picture_url=_chosen(document.get("photos"), preferred_type="photo"),
        status=Status.ACTIVE if document.get("active", True) else Status.SUSPENDED,
        status_text="active" if document.get("active", True) else "active: false",
        scim_external_id=document.get("externalId") or None,
    )


def group_record(document: Mapping[str, Any]) -> GroupRecord:
    """What a pushed document says of a group."""
    return GroupRecord(
        external_id="",
        name=str(document.get("displayName") or ""),
        scim_external_id=document.get("externalId") or None,
    )


def _put(document: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        document.pop(name, None)
    else:
        document[name] = value


def _put_within(document: dict[str, Any], name: str, values: Mapping[str, Any]) -> None:
    inner = dict(document.get(name) or {})
    for key, value in values.items():
        _put(inner, key, value)
    _put(document, name, inner or None)


def _put_first(document: dict[str, Any], name: str, value: str | None, kind: str) -> None:
    """Make ``value`` the entry that ``_chosen`` reads, leaving the other entries alone."""
    entries = [dict(entry) for entry in document.get(name) or []]
    index = _chosen_index(entries, kind)
    if value is None:
        if index is not None:
            del entries[index]
    elif index is not None:
        entries[index]["value"] = value
    else:
        entries.append({"value": value, "type": kind, "primary": True})
    _put(document, name, entries or None)


def _chosen(entries: Any, preferred_type: str) -> str | None:
    """The primary entry's value, else the preferred type's, else the first."""
    if not isinstance(entries, list):
        return None
    index = _chosen_index(entries, preferred_type)
    return None if index is None else str(entries[index]["value"])


def _chosen_index(entries: list[Any], preferred_type: str) -> int | None:
    usable = [
        place
        for place, entry in enumerate(entries)
        if isinstance(entry, Mapping) and entry.get("value") not in (None, "")
    ]
    for wanted in (
        lambda entry: entry.get("primary") is True,
        lambda entry: entry.get("type") == preferred_type,
    ):
        for place in usable:
            if wanted(entries[place]):
                return place
    return usable[0] if usable else None
