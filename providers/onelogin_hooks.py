"""OneLogin's event webhooks in the form JSON Array: every event of the account, the secret in a header."""

from __future__ import annotations

from collections.abc import Mapping

from providers.hooks import authorization, decoded, ids, objects
from providers.onelogin_events import TYPES
from sync.model.ping import Ping


def read(headers: Mapping[str, str], body: bytes) -> Ping:
    """The people and roles that events about the directory name; sign-ins and the like name nobody.

    Raises BadRecord.
    """
    rows = objects(decoded(body))
    about = [row for row in rows if row.get("event_type_id") in TYPES]
    return Ping(
        secrets=authorization(headers),
        messages=tuple(sorted(ids(row.get("uuid") for row in about))),
        users=ids(row.get("user_id") for row in about),
        groups=ids(row.get("role_id") for row in about),
    )
