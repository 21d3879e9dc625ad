"""No fault of the list is forgotten: each has a switch in the simulator, or a test that is named here."""

import re
from pathlib import Path

import pytest

from providers.simulator.faults import CATALOGUE
from providers.simulator.server import start
from tests.providers.reading import opened, read
from tests.providers.vendors import OKTA

TESTS = Path(__file__).parents[1]

LISTED = {
    "T": 13, "A": 21, "B": 17, "P": 26, "C": 13, "D": 17, "U": 15, "S": 7, "G": 17, "F": 5, "N": 4, "R": 4,
}  # fmt: skip
"""How many faults each chapter of the list has, numbered from 01."""

BY_NAME = {
    "B12": "providers/test_http.py::test_unresolved_name_is_a_passing_trouble",
    "B13": "providers/test_http.py::test_tls_without_trust_is_a_wrong_setting",
    "P09": "providers/test_onelogin.py::test_full_equals_the_truth",
    "P10": "providers/test_jumpcloud.py::test_full_equals_the_truth",
    "P11": "providers/test_jumpcloud.py::test_full_equals_the_truth",
    "P12": "providers/test_jumpcloud.py::test_full_equals_the_truth",
    "P14": "providers/test_onelogin.py::test_full_equals_the_truth",
    "P23": "providers/test_azure.py::test_full_equals_the_truth",
    "P25": "providers/test_onelogin.py::test_full_equals_the_truth",
    "D10": "providers/test_azure_feeds.py::test_the_feed_tells_what_changed",
    "D16": "providers/test_okta.py::test_changes_since_the_last_read",
    "D17": "providers/test_azure_feeds.py::test_bookmarks_of_other_settings_ask_for_a_full_read",
    "U14": "providers/test_jumpcloud.py::test_full_equals_the_truth",
    "G17": "providers/test_okta.py::test_lookup_of_groups",
    "R01": "engine/test_crash.py::test_a_replica_killed_at_any_commit_loses_nothing_and_tells_nothing_twice",
    "R02": "engine/test_pull.py::test_a_replica_that_lost_its_lease_writes_nothing_more",
    "R03": "providers/test_fault_list.py::test_the_proxies_of_the_environment_are_not_used",
    "R04": "engine/test_chaos.py::test_nobody_loses_what_is_theirs",
}
"""Faults that are how a simulator always behaves, or that are not its to make."""


@pytest.mark.parametrize(
    "fault", [f"{chapter}{number:02}" for chapter, most in LISTED.items() for number in range(1, most + 1)]
)
def test_each_fault_has_a_switch_or_a_test(fault: str) -> None:
    """A fault of the list is a row of the catalogue, or the test that stands for it exists."""
    if fault in {row.id for row in CATALOGUE}:
        assert fault not in BY_NAME
        return
    file, _, name = BY_NAME[fault].partition("::")
    assert re.search(rf"^def {name}\(", (TESTS / file).read_text(), re.MULTILINE)


def test_the_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that the environment names is not asked: where reads go is decided by the settings alone."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    with start("okta", users=30, groups=2, seed=7) as running:
        source = opened(running)
        reading = read(source.full())
        source.close()
        assert reading.error is None
        assert set(reading.users) == OKTA.present(running.state())
