"""E-mails of a SCIM document besides the one that the columns keep, so that every one is found by index.

Nearly everybody has one e-mail, so nearly nobody has a row here.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from sync.model.resources import fold
from sync.store.fold import folded
from sync.store.prepared import many_on_driver
from sync.store.text import from_json

_SIGN = '"emails":['


def keys_of(text: str | None, email_key: str | None) -> set[str]:
    """The folded e-mails of a document but for the one that its row keeps."""
    if text is None or _SIGN not in text:
        return set()
    return _keys(from_json(text).get("emails")) - {email_key or ""}


def _keys(entries: Any) -> set[str]:
    values = (entry.get("value") for entry in entries or () if isinstance(entry, dict))
    return {key for value in values if isinstance(value, str) and (key := fold(value))}


def has(text: str, key: str, kind: str | None) -> bool:
    """Whether a document has this folded e-mail, under this type in any case (None: under any)."""
    return any(
        isinstance(entry, dict)
        and fold(str(entry.get("value", ""))) == key
        and (kind is None or folded(str(entry.get("type", ""))) == kind)
        for entry in from_json(text).get("emails") or ()
    )


def replace(conn: Connection, directory_user_id: str, keys: Collection[str]) -> None:
    """Let the person have exactly these further e-mails."""
    mark = "%s" if conn.dialect.name == "postgresql" else "?"
    many_on_driver(
        conn, f"DELETE FROM further_email WHERE directory_user_id = {mark}", [(directory_user_id,)]
    )
    add(conn, [(directory_user_id, key) for key in sorted(keys)])


def add(conn: Connection, rows: Collection[tuple[str, str]]) -> None:
    """Note further e-mails of people who have none noted yet: (directory user's id, folded e-mail)."""
    mark = "%s" if conn.dialect.name == "postgresql" else "?"
    if rows:
        many_on_driver(
            conn, f'INSERT INTO further_email (directory_user_id, "key") VALUES ({mark}, {mark})', list(rows)
        )


def fill(conn: Connection) -> None:
    """Note those of every stored document; for the migration that begins to keep them."""
    documents = conn.execute(
        sa.text("SELECT id, document, email_key FROM directory_user WHERE document IS NOT NULL")
    )
    add(conn, [(id_, key) for id_, text, email_key in documents.all() for key in keys_of(text, email_key)])
