"""Directory Insights as a hint: which people and groups to read again, never what became of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from providers.answers import Answer
from providers.failures import Absent, BadRequest, CredentialRefused
from providers.http import Ask, Wire
from providers.pages import DEFAULT_PAGE_CAP
from providers.rows import inside, text_of, tolerant_json
from sync.model.errors import ConnectorError, CursorExpired, Denied, Incomplete, Transient

OVERLAP: Final = timedelta(minutes=10)
"""Events arrive late; whatever is met twice is read twice and no more."""

_KEPT: Final = timedelta(days=14)
_EVENTS: Final = "/insights/directory/v1/events"
_LIMIT: Final = 1000
_MOST: Final = 500
"""Reading more people one by one than this costs more than reading everybody by the hundred."""

_HEADERS: Final = {"content-type": "application/json"}


@dataclass(slots=True)
class Named:
    """Whom the events of a time name."""

    users: dict[str, None] = field(default_factory=dict)
    groups: dict[str, None] = field(default_factory=dict)
    as_of: datetime | None = None


class Feed:
    """The log of one organisation, on the host of Directory Insights."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def is_open(self) -> bool:
        """True when this credential may read the log, or nothing says that it may not."""
        now = datetime.now(UTC)  # the answer is not looked at, so this machine's clock may be wrong
        try:
            self._wire.ask(_ask(now, None, limit=1), _events)
        except BadRequest:
            return False
        except (Transient, Incomplete):
            return True
        except ConnectorError:
            return False
        return True

    def since(self, moment: datetime) -> Named:
        """Everybody named since then. Raises CursorExpired when only a full read can tell."""
        named = Named()
        for answer, events in self._pages(moment):
            if named.as_of is None:
                named.as_of = answer.date
                if answer.date and answer.date - moment > _KEPT:
                    raise CursorExpired(
                        "The log of JumpCloud may not reach back to the last read: read in full."
                    )
            for event in events:
                note_named(event, named)
            if len(named.users) + len(named.groups) > _MOST:
                raise CursorExpired(f"More than {_MOST} people and groups changed: read in full.")
        return named

    def _pages(self, moment: datetime) -> Iterator[tuple[Answer, list[Any]]]:
        after, seen = None, set[str]()
        for _ in range(DEFAULT_PAGE_CAP):
            answer, events = self._wire.ask(_ask(moment, after, limit=_LIMIT), _events)
            yield answer, events
            # the mark comes on the last page too
            if len(events) < _LIMIT:
                return
            mark = answer.headers.get("x-search_after", "")
            if not mark or mark in seen:
                raise Incomplete(
                    "The log of JumpCloud leads back to a page already read; the read was ended."
                )
            seen.add(mark)
            after = json.loads(mark)
        raise Incomplete("The log of JumpCloud does not end; the read was ended.")


def closed(error: Denied | BadRequest | Absent) -> ConnectorError:
    """What an unreadable log means for the run: a full read, unless the credential itself is refused."""
    if isinstance(error, CredentialRefused):
        return error
    return CursorExpired(f"{error.message} Changes cannot be read from the log: read in full.")


def _ask(since: datetime, after: object, *, limit: int) -> Ask:
    asked: dict[str, object] = {
        "service": ["directory"],
        "start_time": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "limit": limit,
        "sort": "ASC",
    }
    if after is not None:
        asked["search_after"] = after
    return Ask(_EVENTS, "the log (Directory Insights)", "insights", _HEADERS, body=json.dumps(asked).encode())


def _events(answer: Answer) -> list[Any]:
    body = tolerant_json(answer.body)
    if not isinstance(body, list):
        raise Incomplete("JumpCloud's log answered with something else than a list of events.")
    return body


def note_named(event: object, named: Named) -> None:
    """Who is named by the event, whatever it says of them.

    Who joins or leaves a group changes the group: the person is read with it.
    """
    ends = [inside(event, "resource")] + [
        inside(event, "association", "connection", end) for end in ("from", "to")
    ]
    kinds = {"user": named.users, "user_group": named.groups}
    is_association = inside(event, "association") is not None
    for end in ends:
        kind = text_of(inside(end, "type"))
        ident = text_of(inside(end, "object_id")) or text_of(inside(end, "id"))
        if kind in kinds and ident and not (is_association and kind == "user"):
            kinds[kind][ident] = None
