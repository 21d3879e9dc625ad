"""How single settings are written: lists, spans, shares, limits, addresses, each checked with a sentence."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from connector.durations import span
from connector.schedule import check_schedule
from sync import group_rules
from sync.model.connection import Limit
from sync.model.errors import Misconfigured

_LIMIT = re.compile(r"(?:(?:(?P<floor>\d+)\s*(?:or|,)\s*)?(?P<share>\d+(?:\.\d+)?\s*%))|(?P<only>\d+)")


def _listed(value: Any) -> Any:
    """``a, b`` is a list too, so that lists can be set from a command line."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _patterns_listed(value: Any) -> Any:
    """Like a list of names, but a comma within ``/…/`` belongs to the expression."""
    if not isinstance(value, str):
        return value
    return [part.strip() for part in re.findall(r"\s*/.*?/(?=\s*(?:,|$))|[^,]+", value) if part.strip()]


def _percent(text: str) -> float:
    return float(text.removesuffix("%").strip()) / 100


def _limit(value: Any) -> Any:
    """``10%``, ``5``, ``5 or 10%`` and ``off`` as the floor and share of a Limit."""
    if isinstance(value, int) and not isinstance(value, bool):
        return {"floor": value, "share": 0.0}
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    if text == "off":
        return {"floor": 1_000_000_000, "share": 1.0}
    found = _LIMIT.fullmatch(text)
    if found is None:
        raise ValueError(f"{value!r} is not a limit; write 10%, 5, '5 or 10%' (the larger counts) or off")
    if found["share"]:
        return {"floor": int(found["floor"] or 0), "share": _percent(found["share"])}
    return {"floor": int(found["only"]), "share": 0.0}


def _fraction(value: Any) -> Any:
    return _percent(value) if isinstance(value, str) and value.strip().endswith("%") else value


def _safe_url(url: str) -> str:
    """Https anywhere, http for loopback only: credentials travel with every request."""
    parts = urlsplit(url)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError(f"{url!r} is not a web address; write https://…")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError(
            f"{url!r} would send credentials in clear; write https:// (http is for loopback only)"
        )
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _checked_span(text: str) -> str:
    span(text)
    return text


def _checked_patterns(patterns: tuple[str, ...]) -> tuple[str, ...]:
    try:
        group_rules.check(patterns)
    except Misconfigured as error:
        raise ValueError(error.message) from error
    return patterns


Texts = Annotated[tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=str | tuple[str, ...])]
Patterns = Annotated[
    tuple[str, ...],
    BeforeValidator(_patterns_listed, json_schema_input_type=str | tuple[str, ...]),
    AfterValidator(_checked_patterns),
]
Url = Annotated[str, AfterValidator(_safe_url)]
Times = Annotated[str, AfterValidator(check_schedule)]
Span = Annotated[str, AfterValidator(_checked_span)]
Fraction = Annotated[float, BeforeValidator(_fraction, json_schema_input_type=float | str), Field(ge=0, le=1)]


class Section(BaseModel):
    """A group of settings; an unknown key in it is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class LimitSettings(Section):
    """Holds when more than the larger of ``floor`` people and ``share`` of the whole would change."""

    floor: int | None = Field(default=None, ge=0)
    """So many people may always change."""
    share: Fraction | None = None
    """So much of the whole may change, as 0.1 or 10%."""

    def over(self, default: Limit) -> Limit:
        return Limit(
            floor=default.floor if self.floor is None else self.floor,
            share=default.share if self.share is None else self.share,
        )


LimitText = Annotated[
    LimitSettings, BeforeValidator(_limit, json_schema_input_type=int | str | LimitSettings)
]
