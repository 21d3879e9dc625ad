"""A read that was left goes on from the place it told, at every vendor, or says that it cannot."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from providers.simulator.server import Simulator, start
from sync.model.errors import CursorExpired
from sync.model.source import Page, Source
from tests.providers.reading import opened, read
from tests.providers.vendors import AZURE, JUMPCLOUD, OKTA, ONELOGIN, SCIM, Vendor

BY_CURSOR = replace(SCIM, switches=("mode(cursor_only)",))
EXPIRES = "cursor(expired)@op=users.list,times=always"
Known = tuple[Vendor, str | None, Simulator]
GONE = {"jumpcloud": "DELETED", "onelogin": "Deleted"}
VENDORS = {
    "okta": (OKTA, EXPIRES),
    "azure": (AZURE, EXPIRES),
    "onelogin": (ONELOGIN, None),
    "jumpcloud": (JUMPCLOUD, None),
    "scim": (SCIM, None),
    "scim by cursor": (BY_CURSOR, EXPIRES),
}


@pytest.fixture(scope="module", params=VENDORS)
def known(request: pytest.FixtureRequest) -> Iterator[Known]:
    """A vendor, the fault that makes its places worthless, and its directory of 450 people."""
    vendor, fault = VENDORS[request.param]
    with start(vendor.type, users=450, groups=4, seed=7, faults=vendor.switches) as running:
        yield vendor, fault, running


@pytest.fixture
def source(known: Known) -> Iterator[Source]:
    """The vendor's provider on its directory; it keeps nothing from one read to the next."""
    vendor, _, directory = known
    made = opened(directory, **dict(vendor.settings))
    yield made
    made.close()


def _left(known: Known, number: int) -> list[Page]:
    """The first pages of a read that is left behind them; what it had begun is over when they come."""
    vendor, _, directory = known
    source = opened(directory, **dict(vendor.settings))
    pages = [page for _, page in zip(range(number), source.full(), strict=False)]
    source.close()
    return pages


def test_a_read_goes_on_behind_every_page(known: Known, source: Source) -> None:
    """Nobody is listed twice and nobody is left out, wherever the read was left; all members come."""
    vendor, _, directory = known
    state = directory.state()
    count = len([page for page in source.full() if page.place is not None])
    assert count > 1
    for number in range(1, count + 1):
        before = _left(known, number)
        met = {user.external_id for page in before for user in page.users}
        asked = _asked(directory)
        rest = read(source.full(before[-1].place))
        assert rest.error is None
        assert rest.end is not None
        assert met | rest.met >= vendor.present(state)
        assert len(met & rest.met) <= 1
        assert _asked(directory) - asked <= count - number + 1
        for group_id, members in vendor.members(state).items():
            assert members <= rest.members[group_id]


def _asked(directory: Simulator) -> int:
    return int(directory.requests()["by_op"]["users.list"])


def test_a_place_that_is_no_more_is_said(known: Known, source: Source) -> None:
    """An expired cursor, or rows that moved, end the read with the word to begin anew."""
    vendor, fault, directory = known
    (page,) = _left(known, 1)
    if fault is not None:
        directory.fault(fault)
    elif vendor is SCIM:
        return  # an index goes on anywhere: whom it misses the whole read that follows finds
    else:
        directory.change_user(page.users[0].external_id, status=GONE[vendor.type])
    outcome = read(source.full(page.place))
    directory.clear_faults()
    assert isinstance(outcome.error, CursorExpired)
    assert "begins anew" in outcome.error.message
