"""What a mapping asks of Okta: the wanted attributes raw, and members of groups in scope alone."""

import json
from typing import Any

import pytest

from providers.answers import Answer
from providers.okta_records import UserReader
from providers.registry import open_source
from providers.simulator.server import start
from sync.model.source import Wanted

ROW: dict[str, Any] = {
    "id": "00u1",
    "status": "ACTIVE",
    "created": "2026-01-01T00:00:00.000Z",
    "profile": {
        "login": "a@example.com",
        "email": "a@example.com",
        "firstName": "A",
        "nick name": "Bo",
        "tags": ["x"],
    },
}
WANTED = [
    ("profile", "nick name"),
    ("profile", "email"),
    ("profile", "tags"),
    ("profile", "none"),
    ("created",),
]
EXPECTED = {
    "created": "2026-01-01T00:00:00.000Z",
    "profile": {"nick name": "Bo", "email": "a@example.com", "tags": ["x"], "none": None},
}


def _answer(body: object) -> Answer:
    return Answer(status=200, headers={}, links=(), body=json.dumps(body).encode())


def test_wanted_attributes_come_under_oktas_own_names() -> None:
    """Whatever their names and types, in the order of the people, and by look-up too."""
    reader = UserReader(attributes=WANTED)
    page = reader.page(_answer([ROW, ROW | {"id": "00u2", "profile": {"login": "b"}}]))
    assert [record.external_id for record in page.rows] == ["00u1", "00u2"]
    assert page.raw[0] == EXPECTED
    assert page.raw[1]["profile"] == dict.fromkeys(EXPECTED["profile"])
    assert reader.one(_answer(ROW))[1] == EXPECTED


def test_a_page_with_odd_rows_keeps_people_and_attributes_together() -> None:
    """A row that is set aside takes nobody's place."""
    page = UserReader(attributes=WANTED).page(
        _answer([{"id": "00u0"}, ROW | {"profile": ROW["profile"] | {"email": 7}}])
    )
    assert [record.external_id for record in page.rows] == ["00u1"]
    assert [raw["profile"]["nick name"] for raw in page.raw] == ["Bo"]


def test_an_assignments_attributes_are_the_accounts() -> None:
    """Within an application too, a rule reads the user's own profile."""
    body = [{"id": "00u1", "profile": {"nick name": "app"}, "_embedded": {"user": ROW}}]
    page = UserReader(is_assignment=True, attributes=WANTED).page(_answer(body))
    assert page.raw[0]["profile"]["nick name"] == "Bo"


def test_nothing_wanted_is_nothing_read() -> None:
    """An unmapped connection pays nothing."""
    assert UserReader("picture").page(_answer([ROW])).raw == ()


@pytest.mark.parametrize("wants", [True, False])
def test_members_are_read_of_groups_in_scope_alone(wants: bool) -> None:
    """A group out of scope is still given, so that nobody takes it for gone."""
    with start("okta", users=20, groups=3, seed=5) as simulator:
        settings = {"base_url": simulator.base_url, **simulator.credentials}
        source = open_source("okta", settings, wanted=Wanted(group=lambda _: wants))
        pages = list(source.full())
        source.close()
        names = {group["name"] for group in simulator.state()["groups"] if group["kind"] != "built_in"}
    assert {group.name for page in pages for group in page.groups} == names
    assert bool([page for page in pages if page.members]) is wants
