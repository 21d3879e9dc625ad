"""Graph's change notifications, each with its subscription's secret (Microsoft Learn)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from providers.hooks import decoded, ids, objects
from providers.rows import inside
from sync.model.ping import Ping

_PEOPLE: Final = "users/"
_GROUPS: Final = "groups/"
_ENDINGS: Final = ("reauthorizationRequired", "subscriptionRemoved")
"""Lifecycle events that say a subscription will end, or has."""


def read(headers: Mapping[str, str], body: bytes) -> Ping:  # noqa: ARG001 - Graph has no header of its own
    """The people and groups that notifications are about; lifecycle events say that some may be missing.

    Raises BadRecord.
    """
    notices = objects(inside(decoded(body), "value"))
    paths = [(str(inside(each, "resource") or ""), inside(each, "resourceData", "id")) for each in notices]
    keys = [
        inside(each, "id")
        or "-".join(
            str(inside(each, name) or "")
            for name in ("subscriptionId", "lifecycleEvent", "subscriptionExpirationDateTime")
        )
        for each in notices
    ]
    return Ping(
        secrets=tuple(str(inside(each, "clientState") or "") for each in notices),
        messages=tuple(hashlib.sha256(str(key).encode()).hexdigest() for key in keys),
        users=ids(id_ or path[len(_PEOPLE) :] for path, id_ in paths if path.lower().startswith(_PEOPLE)),
        groups=ids(
            path[len(_GROUPS) :].partition("/")[0] for path, _ in paths if path.lower().startswith(_GROUPS)
        ),
        everything=any(inside(each, "lifecycleEvent") is not None for each in notices),
        unsubscribes=any(inside(each, "lifecycleEvent") in _ENDINGS for each in notices),
    )
