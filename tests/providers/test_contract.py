"""Every provider against every fault that applies to it: all that is there, or no End."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from providers.simulator.faults import Fault
from providers.simulator.server import Simulator, start
from sync.model.source import GroupReader
from tests.providers.reading import Reading, opened, read
from tests.providers.vendors import VENDORS, Vendor

USERS = 900
GROUPS = 12


@pytest.fixture
def directory(vendor: Vendor) -> Iterator[Simulator]:
    """A directory of the vendor under test."""
    with start(vendor.type, users=USERS, groups=GROUPS, seed=7, faults=vendor.switches) as running:
        yield running


def _whole(directory: Simulator, vendor: Vendor) -> Reading:
    chosen: dict[str, Any] = dict(vendor.settings)
    source = opened(directory, **chosen)
    reading = read(source.full())
    source.close()
    return reading


def _cases(wanted: object = None) -> pytest.MarkDecorator:
    """One case per vendor and fault; ``wanted`` narrows the faults: fatal, or those worth a second read."""
    cases = []
    for vendor in VENDORS:
        for fault in vendor.faults:
            is_fatal = fault.id in vendor.fatal
            if wanted == "fatal" and not is_fatal:
                continue
            if wanted == "curable" and (is_fatal or fault.id in vendor.slow):
                continue
            cases.append(pytest.param(vendor, fault, id=f"{vendor.type}-{fault.id}"))
    return pytest.mark.parametrize(("vendor", "fault"), cases)


@_cases()
def test_everybody_or_no_end(directory: Simulator, vendor: Vendor, fault: Fault) -> None:
    """An End comes only after everybody who is there was met, and comes whenever patience helps."""
    directory.fault(fault.id)
    reading = _whole(directory, vendor)
    state = directory.state()
    assert (reading.end is None) == (reading.error is not None)
    assert (reading.end is None) == (fault.id in vendor.fatal), reading.error
    if reading.end is not None and fault.id not in vendor.unseen:
        assert vendor.present(state) <= reading.met or reading.has_anonymous_row
        for group_id, members in vendor.members(state).items():
            assert group_id in reading.unread or members <= reading.members[group_id]


@_cases("fatal")
def test_one_sentence_to_act_on(directory: Simulator, vendor: Vendor, fault: Fault) -> None:
    """A fault that no patience cures ends the walk with a sentence that holds no secret."""
    directory.fault(fault.id)
    reading = _whole(directory, vendor)
    assert reading.end is None
    assert reading.error is not None
    assert reading.error.message.endswith(".")
    for name, value in directory.credentials.items():
        assert value not in reading.error.message or name.endswith("_id")


@_cases("curable")
def test_recovery_when_the_fault_is_over(directory: Simulator, vendor: Vendor, fault: Fault) -> None:
    """A second read after the fault is over meets everybody."""
    directory.fault(fault.id)
    _whole(directory, vendor)
    directory.clear_faults()
    reading = _whole(directory, vendor)
    if fault.id not in vendor.unseen:
        assert reading.error is None
        assert vendor.present(directory.state()) <= reading.met


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.type)
def test_single_groups_with_all_their_members(directory: Simulator, vendor: Vendor) -> None:
    """Named groups come with every member, and one that was deleted is said to be gone."""
    wanted, deleted = sorted(vendor.members(directory.state()))[:2]
    httpx.delete(f"{directory.base_url}/_sim/groups/{deleted.rpartition(':')[2]}").raise_for_status()
    source = opened(directory, **dict(vendor.settings))
    if not isinstance(source, GroupReader):
        pytest.skip(f"{vendor.type} does not read single groups")
    reading = read(source.groups([wanted, deleted]))
    source.close()
    assert reading.error is None
    assert set(reading.groups) == {wanted}
    assert reading.members == {wanted: vendor.members(directory.state())[wanted]}
    assert [(gone.kind, gone.external_id) for gone in reading.gone] == [("group", deleted)]


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.type)
def test_the_catalogue_has_rows_for_every_vendor(vendor: Vendor) -> None:
    """An empty catalogue would let every test above pass by not running."""
    assert len(vendor.faults) >= vendor.least
    assert {fault.id for fault in vendor.faults} >= vendor.fatal
