"""The short form of `make chaos`."""

import pytest

from tests.chaos.storm import weathered


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "replicas"), [("postgresql", 2), ("sqlite", 1)])
def test_nothing_is_lost_or_told_twice_in_a_storm(kind: str, replicas: int) -> None:
    """Replicas die, lines break, the directory lies; then users, tags, feed and journal equal the truth."""
    found = weathered(kind, replicas=replicas, seconds=5, seed=2)
    assert found["differences"] == []
    assert found["events"] > 120
