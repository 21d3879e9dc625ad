"""When a connection is pulled next: an interval or a cron line, computed by APScheduler's triggers.

The answer depends on the text, the time and the connection's id alone: every replica finds the same
time, a missed one counts once, and connections made together do not knock at one door together.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connector.durations import parse_span

if TYPE_CHECKING:
    from apscheduler.triggers.cron import CronTrigger

OFF = "off"
MIN_INTERVAL_S = 1
CRON_FIELDS = 5
_MINUTE_S = 60
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EPOCH = datetime(2000, 1, 3, tzinfo=UTC)
"""A Monday: intervals of a week begin where people's weeks do."""


def check_schedule(text: str) -> str:
    """The text when it is ``off``, an interval or a cron line; raises ValueError with a sentence."""
    if text == OFF:
        return text
    interval = parse_span(text)
    if interval is not None:
        if interval.total_seconds() < MIN_INTERVAL_S:
            raise ValueError(f"{text!r} is too short; the shortest interval is {MIN_INTERVAL_S} s")
        return text
    if len(text.split()) == CRON_FIELDS:
        _crons(text, "UTC")
        return text
    raise ValueError(
        f"{text!r} is neither an interval (15m, 24h), nor a cron line of five fields (0 3 * * *), nor off"
    )


def check_timezone(name: str) -> str:
    """The name when this machine knows the zone; raises ValueError with a sentence."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"{name!r} is no time zone this machine knows; write it as Europe/Berlin, or UTC"
        ) from error
    return name


def next_time(text: str, now: datetime, *, key: str = "", timezone: str = "UTC") -> datetime | None:
    """The next time after ``now``, in UTC; None for ``off``.

    A cron line is met to the minute, in its time zone; an interval divides all time into equal parts.
    ``key``, the connection's id, says which second of that minute, and where in its part, is its own.
    """
    if text == OFF:
        return None
    interval = parse_span(text)
    if interval is None:
        lag = timedelta(seconds=int(_MINUTE_S * _share(key)))
        fire = _next_cron(text, now - lag, timezone)
        return None if fire is None else fire + lag
    begins = _EPOCH + timedelta(seconds=int(interval.total_seconds() * _share(key)))
    return begins + interval * ((now - begins) // interval + 1)


def _share(key: str) -> float:
    """A number from 0 to below 1 that is every process's for this key."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:6]) / 2**48


def _next_cron(text: str, now: datetime, timezone: str) -> datetime | None:
    found = [each for each in (_next_fire(cron, now) for cron in _crons(text, timezone)) if each]
    return min(found, default=None)


def _next_fire(cron: CronTrigger, now: datetime) -> datetime | None:
    """The first match after ``now``; a fixed hour that the clock shows twice in autumn counts once."""
    after = now.astimezone(UTC)
    while True:
        fire: datetime | None = cron.get_next_fire_time(None, after + timedelta(microseconds=1))
        if fire is None:
            return None
        if not (fire.fold and _hour_is_fixed(cron)):
            return fire.astimezone(UTC)
        after = fire.astimezone(UTC)


def _hour_is_fixed(cron: CronTrigger) -> bool:
    hours = next(field for field in cron.fields if field.name == "hour")
    return not str(hours).startswith("*")


@lru_cache(maxsize=512)
def _crons(text: str, timezone: str) -> tuple[CronTrigger, ...]:
    """The triggers of a line: two when it names days of the month *and* of the week, as either counts."""
    from apscheduler.triggers.cron import CronTrigger

    minute, hour, day, month, weekdays = text.split()
    either = day != "*" and weekdays != "*"
    days = [(day, "*"), ("*", weekdays)] if either else [(day, weekdays)]
    try:
        return tuple(
            CronTrigger(
                minute=minute,
                hour=hour,
                day=of_month,
                month=month,
                day_of_week=_named_weekdays(of_week),
                timezone=ZoneInfo(timezone),
            )
            for of_month, of_week in days
        )
    except ValueError as error:
        raise ValueError(f"the cron line {text!r} is not understood: {error}") from error


def _named_weekdays(field: str) -> str:
    """Unix counts Sunday as 0 (and 7), APScheduler Monday: names mean the same to both.

    A range that ends on Sunday is taken apart, since APScheduler's week begins on Monday.
    """
    parts = []
    for part in field.split(","):
        body, _, step = part.partition("/")
        bounds = re.fullmatch(r"([0-7])(?:-([0-7]))?", body)
        if bounds is None or (step and bounds[2] is None):
            parts.append(part)
            continue
        first, last = int(bounds[1]), int(bounds[2] or bounds[1])
        if last < first:
            raise ValueError(f"the weekdays {part!r} run backwards")
        parts += [_DAYS[day] for day in range(first, last + 1, int(step or 1))]
    return ",".join(dict.fromkeys(parts))
