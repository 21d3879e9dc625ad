from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.model.document import group_document, group_record, user_document, user_record
from sync.model.resources import Status

_named = st.none() | st.text(min_size=1, max_size=8)


@given(
    st.fixed_dictionaries(
        {
            "user_name": st.text(max_size=8),
            "scim_external_id": _named,
            "email": _named,
            "first_name": _named,
            "last_name": _named,
            "picture_url": _named,
        }
    ),
    st.booleans(),
)
def test_a_document_made_of_columns_says_the_same(columns: dict[str, Any], active: bool) -> None:
    """A pulled person read through SCIM and pushed back is unchanged."""
    said = user_record(user_document(**columns, active=active))
    assert {name: getattr(said, name) for name in columns} == columns
    assert said.status is (Status.ACTIVE if active else Status.SUSPENDED)


def test_what_only_a_push_knows_is_kept() -> None:
    """A pull writes its fields into the pushed document and leaves the others alone."""
    pushed = {
        "userName": "ada", "title": "Countess", "name": {"givenName": "Ada", "middleName": "K"},
        "emails": [
            {"value": "home@example.com", "type": "home"},
            {"value": "old@example.com", "type": "work", "primary": True},
        ],
    }  # fmt: skip
    document = user_document(
        user_name="ada", scim_external_id="S1", email="new@example.com", first_name="Augusta", last_name=None,
        picture_url=None, active=True, base=pushed,
    )  # fmt: skip
    assert document["title"] == "Countess"
    assert document["name"] == {"givenName": "Augusta", "middleName": "K"}
    assert document["emails"][0] == {"value": "home@example.com", "type": "home"}
    assert document["emails"][1] == {"value": "new@example.com", "type": "work", "primary": True}
    assert pushed["emails"][1]["value"] == "old@example.com"  # type: ignore[index]


@pytest.mark.parametrize(
    ("emails", "chosen"),
    [
        ([{"value": "a@x.y", "type": "home"}, {"value": "b@x.y", "primary": True}], "b@x.y"),
        ([{"value": "a@x.y", "type": "home"}, {"value": "b@x.y", "type": "work"}], "b@x.y"),
        ([{"value": "a@x.y"}, {"value": "b@x.y"}], "a@x.y"),
        ([{"type": "work"}, {"value": "", "primary": True}, {"value": "c@x.y"}], "c@x.y"),
        ([], None),
        (None, None),
    ],
)
def test_the_primary_email_wins_then_work_then_the_first(emails: Any, chosen: str | None) -> None:
    """Entries without a value do not count."""
    assert user_record({"userName": "ada", "emails": emails}).email == chosen


def test_a_document_without_active_is_active() -> None:
    """Silence is not a suspension (RFC 7643 leaves active to the provider)."""
    assert user_record({"userName": "ada"}).status is Status.ACTIVE
    assert user_record({"userName": "ada", "active": False}).status is Status.SUSPENDED


def test_a_field_that_is_gone_leaves_the_document() -> None:
    """None removes the attribute, and an empty complex attribute with it."""
    document = user_document(
        user_name="ada", scim_external_id=None, email=None, first_name=None, last_name=None, picture_url=None,
        active=False, base={"externalId": "S1", "name": {"givenName": "Ada"}, "emails": [{"value": "a@x.y"}]},
    )  # fmt: skip
    assert document == {"userName": "ada", "active": False}


@given(st.text(min_size=1, max_size=8), _named)
def test_a_group_document_says_the_same(name: str, external: str | None) -> None:
    """Name and externalId go through a document unchanged."""
    said = group_record(group_document(name=name, scim_external_id=external))
    assert (said.name, said.scim_external_id) == (name, external)
