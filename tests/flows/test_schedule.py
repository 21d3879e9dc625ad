"""When connections are pulled next."""

from datetime import UTC, datetime, timedelta

import pytest

from connector.schedule import check_schedule, next_time

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
    assert next_time(line, TUESDAY) == after


def test_an_interval_is_kept_but_for_a_tenth() -> None:
    """The next time lies an interval ahead, moved by at most a tenth of it or a minute."""
    for _ in range(50):
        fire = next_time("24h", TUESDAY, TUESDAY)
        assert fire is not None
        assert abs(fire - TUESDAY - timedelta(hours=24)) <= timedelta(minutes=1)


def test_missed_times_count_once() -> None:
    """After a long stop the next time is in the future, whatever was missed."""
    fire = next_time("15m", TUESDAY, TUESDAY - timedelta(days=3))
    assert fire is not None
    assert TUESDAY <= fire <= TUESDAY + timedelta(minutes=17)


def test_off_is_never() -> None:
    """A schedule that is off has no next time."""
    assert next_time("off", TUESDAY) is None


@pytest.mark.parametrize("text", ["99x", "@hourly", "* * *", "0 3 * * 9", "0s", ""])
def test_nonsense_is_refused(text: str) -> None:
    """What is neither an interval nor a cron line is refused with a sentence."""
    with pytest.raises(ValueError, match=r"interval|cron|short"):
        check_schedule(text)
