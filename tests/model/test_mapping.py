import pytest

from sync.mapping import FieldMap, check_fields, map_of
from sync.model.connection import AttributeRule, Policy
from sync.model.errors import Misconfigured
from tests.model.samples import record, row


def _map(**rules: str) -> FieldMap:
    fields = tuple(AttributeRule(field=name, rule=rule) for name, rule in rules.items())
    found = map_of(Policy(mapping=fields))
    assert found is not None
    return found


def test_a_mapped_record_holds_what_the_rules_find() -> None:
    """Profile fields stand in the record, further ones under extra, sorted; the id is never touched."""
    fields = _map(
        first_name="profile.nick", title="profile.title", company="=Acme", user_name="profile.login"
    )
    mapped = fields.record(record(), {"profile": {"nick": "Bo", "title": "Dr", "login": "bo"}})
    assert (mapped.first_name, mapped.user_name, mapped.last_name) == ("Bo", "bo", "Byron")
    assert mapped.extra == (("company", "Acme"), ("title", "Dr"))
    assert mapped.external_id == record().external_id


def test_nothing_found_clears_the_field() -> None:
    """Null, blank and absent alike, unless a default stands in."""
    fields = _map(first_name="profile.nick", title="profile.title")
    mapped = fields.record(record(), {"profile": {"nick": None, "title": "  "}})
    assert (mapped.first_name, mapped.extra) == (None, ())
    rule = AttributeRule(field="first_name", rule="profile.nick", default="Friend")
    found = map_of(Policy(mapping=(rule,)))
    assert found is not None
    assert found.record(record(), {}).first_name == "Friend"


def test_a_picture_is_an_address_that_browsers_may_load() -> None:
    """Anything but https is no picture."""
    fields = _map(picture_url="photo")
    assert fields.record(record(), {"photo": "javascript:alert(1)"}).picture_url is None
    assert fields.record(record(), {"photo": "https://example.com/a"}).picture_url == "https://example.com/a"


def test_the_wanted_paths_are_those_of_the_rules() -> None:
    """A provider decodes them and no more: keys up to the first list or filter."""
    fields = _map(title='join(profile.a, " ", profile.b)', mail='emails[type eq "work"].value', who="=x")
    assert fields.wanted == {("profile", "a"), ("profile", "b"), ("emails",)}


def test_a_push_answers_what_a_document_can_answer() -> None:
    """The rest keeps what the pull made of it."""
    fields = _map(
        first_name="profile.nick", last_name="coalesce(profile.last, name.familyName)", title="profile.t"
    )
    stored = row(first_name="Bo", extra={"title": "Dr", "old": "x"})
    pushed = fields.pushed(record(), {"name": {"familyName": "Tables"}}, stored)
    assert (pushed.first_name, pushed.last_name, pushed.extra) == ("Bo", "Tables", (("title", "Dr"),))
    newcomer = fields.pushed(record(), {}, None)
    assert (newcomer.first_name, newcomer.last_name, newcomer.extra) == ("Ada", None, ())


def test_no_rules_are_no_map() -> None:
    """An unmapped connection pays nothing."""
    assert map_of(Policy()) is None


@pytest.mark.parametrize("field", ["id", "external_id", "active", "tags", "First", "a-b", "", "x" * 70])
def test_a_field_that_is_ours_is_refused(field: str) -> None:
    """The admin reads which field and what may be mapped instead."""
    with pytest.raises(Misconfigured, match="no field to map: use email, first_name"):
        check_fields([field])
