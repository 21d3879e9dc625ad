"""When connections are pulled next."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from connector.schedule import check_schedule, check_timezone, next_time

TUESDAY = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("0 3 * * *", datetime(2026, 11, 25, 3, 0, tzinfo=UTC)),
        ("0 3 * * 0", datetime(2026, 11, 29, 3, 0, tzinfo=UTC)),
        ("0 3 * * 7", datetime(2026, 11, 29, 3, 0, tzinfo=UTC)),
        ("0 3 * * 6-7", datetime(2026, 11, 28, 3, 0, tzinfo=UTC)),
        ("0 3 * * 1", datetime(2026, 11, 30, 3, 0, tzinfo=UTC)),
        ("0 13 * * 1-5", datetime(2026, 11, 24, 13, 0, tzinfo=UTC)),
        ("0 3 * * mon", datetime(2026, 11, 30, 3, 0, tzinfo=UTC)),
    ],
)
def test_cron_lines_mean_what_unix_means(line: str, after: datetime) -> None:
    """Sunday is 0 and 7, and weekday ranges are Unix's."""
    fire = next_time(line, TUESDAY, key="acme")
    assert fire is not None
    assert fire.replace(second=0) == after


@pytest.mark.parametrize(
    ("line", "day", "hours"),
    [
        ("30 2 * * *", "2026-10-24", ["02:30+0200", "02:30+0100"]),
        ("30 2 * * *", "2026-03-28", ["03:30+0200", "02:30+0200"]),
        ("0 * * * *", "2026-10-24", ["00:00+0200", "01:00+0200", "02:00+0200", "02:00+0100", "03:00+0100"]),
    ],
    ids=["a fixed hour comes once in autumn", "and once in spring", "every hour is every hour"],
)
def test_daylight_saving_is_what_people_expect(line: str, day: str, hours: list[str]) -> None:
    """The clock of the time zone counts; nothing is left out, and a time of day comes once a day."""
    berlin = ZoneInfo("Europe/Berlin")
    now, fired = datetime.fromisoformat(f"{day}T22:00:00+00:00"), []
    for _ in hours:
        found = next_time(line, now, timezone="Europe/Berlin")
        assert found is not None
        now = found
        fired.append(found.astimezone(berlin).strftime("%H:%M%z"))
    assert fired == hours


def test_a_day_of_the_month_and_a_weekday_are_met_by_either() -> None:
    """As in Unix: the first of the month, and every Monday."""
    first = next_time("0 3 1 * 1", TUESDAY)
    assert first is not None
    second = next_time("0 3 1 * 1", first)
    assert second is not None
    assert [first.date().isoformat(), second.date().isoformat()] == ["2026-11-30", "2026-12-01"]


@pytest.mark.parametrize("text", ["24h", "15m", "7s", "0 3 * * *"])
def test_every_replica_finds_the_same_time(text: str) -> None:
    """The time follows from the text, the clock and the key; missed ones count once; keys spread."""
    fire = next_time(text, TUESDAY, key="acme")
    assert fire is not None
    assert fire > TUESDAY
    assert fire == next_time(text, fire - timedelta(seconds=1), key="acme")
    assert len({next_time(text, TUESDAY, key=str(number)) for number in range(50)}) > 5


def test_an_interval_is_kept_to_the_second() -> None:
    """Each time lies exactly an interval behind the one before."""
    first = next_time("15m", TUESDAY, key="acme")
    assert first is not None
    assert next_time("15m", first, key="acme") == first + timedelta(minutes=15)


def test_off_is_never() -> None:
    """A schedule that is off has no next time."""
    assert next_time("off", TUESDAY) is None


@pytest.mark.parametrize("text", ["99x", "@hourly", "* * *", "0 3 * * 9", "0s", ""])
def test_nonsense_is_refused(text: str) -> None:
    """What is neither an interval nor a cron line is refused with a sentence."""
    with pytest.raises(ValueError, match=r"interval|cron|short"):
        check_schedule(text)


def test_an_unknown_time_zone_is_refused() -> None:
    """The sentence says how one is written."""
    assert check_timezone("Europe/Berlin") == "Europe/Berlin"
    with pytest.raises(ValueError, match="Europe/Berlin"):
        check_timezone("Mars/Olympus")
