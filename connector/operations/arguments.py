"""Kinds of arguments that many operations share, with their limits and the sentence that explains them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, PlainSerializer, WithJsonSchema

from connector.durations import parse_span

PAGE: Final = 100
PAGE_MAX: Final = 500
SEQUENCE_MAX: Final = 2**63 - 1
TEXT_MAX: Final = 400

Ref = Annotated[str, Field(min_length=1, max_length=TEXT_MAX)]
"""A name or an id."""

Text = Annotated[str, Field(max_length=2000)]
Search = Annotated[str | None, Field(max_length=200, description="Part of a name or an e-mail, in any case.")]
Limit = Annotated[int, Field(ge=1, le=PAGE_MAX, description="Rows of one page.")]
After = Annotated[
    str | None, Field(max_length=64, description="`next` of the page before; none for the first.")
]
CountMax = Annotated[
    int | None,
    Field(
        ge=0,
        le=1_000_000,
        description="Count no further than this: a `total` above it only says that there are more. "
        "Without it everything that fits is counted.",
    ),
]
Sequence = Annotated[int, Field(ge=0, le=SEQUENCE_MAX)]
Subject = Annotated[
    str | None,
    Field(max_length=320, description="Only about this person or group: its id, or a person's e-mail."),
]
Live = Annotated[bool | None, Field(description="Whether it is good still; both when not said.")]
OfConnection = Annotated[str | None, Field(max_length=TEXT_MAX, description="Only of this connection.")]


def _is_span(text: str) -> str:
    if parse_span(text) is None:
        raise ValueError(f"{text!r} is not a span of time; write 30s, 15m, 24h or 7d")
    return text


Span = Annotated[str, Field(max_length=20), AfterValidator(_is_span)]
"""A span of time: 30s, 15m, 24h, 7d."""


def _moment(text: str) -> str:
    if parse_span(text) is None:
        try:
            datetime.fromisoformat(text)
        except ValueError:
            raise ValueError("write a span (12h), a date (2026-12-01) or a time") from None
    return text


Moment = Annotated[
    str, Field(max_length=40, description="A span from now (12h), a date or a time in UTC."),
    AfterValidator(_moment),
]  # fmt: skip


def span(text: str) -> timedelta:
    return parse_span(text) or timedelta()


def moment(text: str | None, now: datetime) -> datetime | None:
    """The time a ``Moment`` names."""
    if text is None:
        return None
    after = parse_span(text)
    if after is not None:
        return now + after
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


Settings = Annotated[
    dict[str, Any], WithJsonSchema({"type": "object", "description": "Settings of the connection's type."})
]
Secret = Annotated[str, PlainSerializer(lambda _: "(secret)")]
