"""Graph's change notifications, each with its subscription's secret (Microsoft Learn)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from providers.hooks import decoded, ids, inner, objects
from sync.model.ping import Ping

_PEOPLE: Final = "users/"
_GROUPS: Final = "groups/"
_ENDINGS: Final = ("reauthorizationRequired", "subscriptionRemoved")
"""Lifecycle events that say a subscription will end, or has."""


def read(headers: Mapping[str, str], body: bytes) -> Ping:  # noqa: ARG001 - Graph has no header of its own
    """The people and groups that notifications are about; lifecycle events say that some may be missing.

    Raises BadRecord.
    """
    notices = objects(inner(decoded(body), "value"))
    paths = [(str(inner(each, "resource") or ""), inner(each, "resourceData", "id")) for each in notices]
    keys = [
        inner(each, "id")
        or "-".join(
            str(inner(each, name) or "")
            for name in ("subscriptionId", "lifecycleEvent", "subscriptionExpirationDateTime")
        )
        for each in notices
    ]
    return Ping(
        secrets=tuple(str(inner(each, "clientState") or "") for each in notices),
        messages=tuple(str(key)[:200] for key in keys),
        users=ids(id_ or path[len(_PEOPLE) :] for path, id_ in paths if path.lower().startswith(_PEOPLE)),
        groups=ids(
            path[len(_GROUPS) :].partition("/")[0] for path, _ in paths if path.lower().startswith(_GROUPS)
        ),
        everything=any(inner(each, "lifecycleEvent") is not None for each in notices),
        unsubscribes=any(inner(each, "lifecycleEvent") in _ENDINGS for each in notices),
    )
