"""When a connection is pulled next: an interval or a cron line, computed in UTC by APScheduler's triggers."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from connector.durations import parse_span

if TYPE_CHECKING:
    from apscheduler.triggers.cron import CronTrigger

OFF = "off"
MIN_INTERVAL_S = 1
CRON_FIELDS = 5
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")


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
        _cron(text)
        return text
    raise ValueError(
        f"{text!r} is neither an interval (15m, 24h), nor a cron line of five fields (0 3 * * *), nor off"
    )


def next_time(text: str, now: datetime, previous: datetime | None = None) -> datetime | None:
    """The next time after ``now``; None for ``off``.

    An interval counts from ``previous`` when that is known, with up to a tenth (60 s at most) of
    jitter, so that many connections do not knock at one door at once. Missed times coalesce.
    """
    interval = parse_span(text)
    if text == OFF:
        return None
    if interval is None:
        found: datetime | None = _cron(text).get_next_fire_time(None, now.astimezone(UTC))
        return found
    from apscheduler.triggers.interval import IntervalTrigger

    seconds = interval.total_seconds()
    jitter = int(min(seconds / 10, 60)) or None
    trigger = IntervalTrigger(
        seconds=max(1, int(seconds)), start_date=previous or now, timezone=UTC, jitter=jitter
    )
    fire: datetime | None = trigger.get_next_fire_time(previous or now, now)
    return max(fire, now) if fire is not None else None


def _cron(text: str) -> CronTrigger:
    from apscheduler.triggers.cron import CronTrigger

    *fields, weekdays = text.split()
    minute, hour, day, month = fields
    try:
        return CronTrigger(
            minute=minute,
            hour=hour,
            day=day,
            month=month,
            day_of_week=_named_weekdays(weekdays),
            timezone=UTC,
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
