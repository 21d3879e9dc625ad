"""Every provider against every fault that applies to it: all that is there, or no End."""

import pytest

from providers.simulator.faults import CATALOGUE, Fault
from providers.simulator.server import Simulator
from tests.providers.reading import okta, present, read, truth_of_members

_NOT_FOR_THE_PROVIDER = {
    "A20": "another organisation answers: identity() tells, and the engine compares it",
    "C05": "the API cannot reveal it: the second look by id does",
}
_BY_TOKEN_ENDPOINT = {"T07", "A14", "A15"}
_OKTA = [fault for fault in CATALOGUE if "okta" in fault.applies_to and fault.id not in _BY_TOKEN_ENDPOINT]
_STOPS_AN_API_TOKEN = {"A01", "A04", "B16"}
_SLOW_TO_MAKE = {"G05"}
_FATAL = {
    "T04", "A02", "A03", "A06", "A07", "A08", "B04", "B06", "B14", "P01", "P05", "P21", "P30", "C11", "C12",
}  # fmt: skip


@pytest.mark.parametrize("fault", _OKTA, ids=lambda fault: fault.id)
def test_okta_gives_everybody_or_no_end(simulator: Simulator, fault: Fault) -> None:
    """An End comes only after everybody who is there was met, and comes whenever patience helps."""
    simulator.fault(fault.id)
    source = okta(simulator)
    reading = read(source.full())
    source.close()
    state = simulator.state()
    assert (reading.end is None) == (reading.error is not None)
    assert (reading.end is None) == (fault.id in _FATAL | _STOPS_AN_API_TOKEN), reading.error
    if reading.end is not None and fault.id not in _NOT_FOR_THE_PROVIDER:
        assert present(state) <= reading.met or reading.has_anonymous_row
        for group_id, members in truth_of_members(state).items():
            assert group_id in reading.unread or members <= reading.members[group_id]


@pytest.mark.parametrize("fault", [f for f in _OKTA if f.id in _FATAL], ids=lambda fault: fault.id)
def test_okta_ends_in_one_sentence_to_act_on(simulator: Simulator, fault: Fault) -> None:
    """A fault that no patience cures ends the walk with a sentence that holds no secret."""
    simulator.fault(fault.id)
    source = okta(simulator)
    reading = read(source.full())
    source.close()
    assert reading.end is None
    assert reading.error is not None
    assert reading.error.message.endswith(".")
    assert simulator.credentials["api_token"] not in reading.error.message


@pytest.mark.parametrize(
    "fault", [f for f in _OKTA if f.id not in _FATAL | _SLOW_TO_MAKE], ids=lambda fault: fault.id
)
def test_okta_recovers_when_the_fault_is_over(simulator: Simulator, fault: Fault) -> None:
    """A second read after the fault is over meets everybody."""
    simulator.fault(fault.id)
    first = okta(simulator)
    read(first.full())
    first.close()
    simulator.clear_faults()
    second = okta(simulator)
    reading = read(second.full())
    second.close()
    if fault.id not in _NOT_FOR_THE_PROVIDER:
        assert reading.error is None
        assert present(simulator.state()) <= reading.met


def test_the_catalogue_has_rows_for_okta() -> None:
    """An empty catalogue would let every test above pass by not running."""
    assert len(_OKTA) > 50
    assert {fault.id for fault in _OKTA} >= _FATAL
