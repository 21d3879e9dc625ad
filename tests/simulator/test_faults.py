"""A fault is written, switched on and over as its row says."""

import pytest

from providers.simulator.faults import ALWAYS, CATALOGUE, SWITCHES, BadFault, Kind, parse
from providers.simulator.server import build
from providers.simulator.vendor import TYPES
from tests.simulator.calls import answer


def test_a_spec_is_read_with_arguments_and_selectors():
    """Positional and named arguments, and selectors both inside and after @."""
    armed = parse("deny(401,times=always)@page=3,nth=2@op=users.list")
    assert (armed.name, armed.args, armed.page, armed.nth) == ("deny", ("401",), 3, 2)
    assert (armed.times, armed.op) == (ALWAYS, "users.list")
    assert parse("body({})").args == ("{}",)
    assert parse("throttle(wait=-30)").named == {"wait": "-30"}
    assert parse("fail(500)", page=2, times="always", after=5).after_s == 5


def test_an_id_brings_its_rows_own_spec():
    """P21 is a 500 on page two for ever; what is said beside it wins."""
    armed = parse("P21")
    assert (armed.name, armed.args, armed.page, armed.times) == ("fail", ("500",), 2, ALWAYS)
    assert parse("p21@page=4").page == 4
    assert parse("T01(wait=2)").named == {"wait": "2"}


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.id)
def test_every_row_of_the_catalogue_can_be_switched_on(row):
    """Its spec parses, its switch exists, and the simulators accept those that apply to them."""
    assert parse(row.id).name == row.name
    assert row.name in SWITCHES
    for type in row.applies_to & TYPES.keys() if row.id != "G05" else ():
        build(type, users=60, groups=20, faults=[row.id])


def test_an_unknown_fault_is_named_with_the_nearest():
    """A typo is answered with the name that was meant."""
    with pytest.raises(BadFault, match="did you mean 'throttle'"):
        parse("throtle(wait=1)")
    with pytest.raises(BadFault, match="selector"):
        parse("fail(500)@pages=2")
    with pytest.raises(BadFault, match="whole numbers"):
        parse("fail(500)@page=two")


def test_the_control_plane_answers_400_to_a_bad_fault(client):
    """The same parser, as HTTP."""
    for name in ("throtle", "error(E1)", "drop_permission(everything)", "email(wrong)"):
        response = client.post("/_sim/faults", json={"name": name})
        assert response.status_code == 400, name
        assert response.json()["error"]
    assert client.get("/_sim/faults").json()["armed"] == []


def test_a_fault_acts_as_often_as_it_was_told_and_can_be_cleared(okta, client):
    """Once by default, n times, from the nth match on, later; and not at all once cleared."""
    okta.fault("fail(503)")
    assert [answer(client).status_code for _ in range(2)] == [503, 200]
    okta.fault("fail(503)", times=2, nth=2)
    assert [answer(client).status_code for _ in range(4)] == [200, 503, 503, 200]
    okta.fault("fail(503)", times="always")
    assert answer(client).status_code == 503
    okta.clear_faults()
    assert answer(client).status_code == 200
    okta.fault("fail(503)", after=60)
    assert answer(client).status_code == 200
    okta.clock(advance=61)
    assert answer(client).status_code == 503


def test_a_fault_keeps_to_its_operation_page_and_id(okta, client):
    """Other calls go on."""
    okta.fault("fail(500)@op=members,times=always")
    group = okta.state()["groups"][0]["id"]
    assert answer(client).status_code == 200
    assert client.get(f"/api/v1/groups/{group}/users").status_code == 500
    okta.clear_faults()
    okta.fault("P21")
    first = answer(client)
    assert [first.status_code, client.get(first.links["next"]["url"]).status_code] == [200, 500]
    okta.clear_faults()
    okta.fault(f"fail(500)@id={group}")
    assert client.get(f"/api/v1/groups/{group}").status_code == 500


def test_every_okta_fault_is_told_apart_by_its_kind():
    """Faults that act once need no request; the others say when they act."""
    assert {row.name for row in CATALOGUE} <= set(SWITCHES)
    assert {switch.kind for switch in SWITCHES.values()} == set(Kind)
