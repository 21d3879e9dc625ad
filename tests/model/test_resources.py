import unicodedata
from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.model.resources import GroupRecord, Status, UserRecord, fingerprint, fold, member_digest

_maybe = st.none() | st.text(max_size=8)
_people = st.builds(
    UserRecord, external_id=st.text(max_size=8), email=_maybe, first_name=_maybe, picture_url=_maybe,
    status=st.sampled_from(Status), extra=st.lists(st.tuples(st.text(), st.text()), max_size=2).map(tuple),
)  # fmt: skip
_ids = st.frozensets(st.text(min_size=1, max_size=8), max_size=6)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        ("  ada@example.com\t", "ada@example.com"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
        ("Zoe\u0308", "zo\u00eb"),
        ("\u3000ada\u3000", "ada"),
        ("ada+tag@example.com", "ada+tag@example.com"),
        ("", None),
        ("  ", None),
        (None, None),
    ],
)
def test_names_are_compared_trimmed_composed_and_casefolded(text: str | None, key: str | None) -> None:
    """Case, outer space and Unicode form do not tell people apart; a plus tag does; nothing is no key."""
    assert fold(text) == key


@given(st.text())
def test_folding_a_folded_name_changes_nothing(text: str) -> None:
    """A key is its own key, so that stored keys can be compared with fresh ones."""
    key = fold(text)
    assert fold(key) == key


@given(st.text())
def test_composed_and_decomposed_names_have_one_key(text: str) -> None:
    """The Unicode form in which an IdP sends a name does not matter."""
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_the_short_way_for_ascii_agrees_with_the_long_one(text: str) -> None:
    """Plain names take a faster path to the same key."""
    assert fold(text) == (unicodedata.normalize("NFC", text.strip()).casefold() or None)


@pytest.mark.parametrize("name", UserRecord._fields)
def test_a_fingerprint_changes_with_every_field(name: str) -> None:
    """No field of a person can change unnoticed."""
    plain = UserRecord(external_id="E1")
    differing: dict[str, Any] = {"status": Status.SUSPENDED, "extra": (("team", "red"),)}
    other = differing.get(name, "other")
    assert fingerprint(plain, "") != fingerprint(plain._replace(**{name: other}), "")


def test_a_fingerprint_changes_with_the_settings_that_shape_records() -> None:
    """After a change of mapping or scope nobody counts as compared."""
    person = UserRecord(external_id="E1")
    assert fingerprint(person, "v1") != fingerprint(person, "v2")


@given(st.text(), st.text(), st.text(), st.text())
def test_fingerprints_do_not_confuse_neighbouring_fields(a: str, b: str, c: str, d: str) -> None:
    """Text that moves from one field to the next is another record."""
    one, other = UserRecord("E1", first_name=a, last_name=b), UserRecord("E1", first_name=c, last_name=d)
    assert (fingerprint(one, "") == fingerprint(other, "")) == ((a, b) == (c, d))


def test_an_empty_name_and_no_name_differ() -> None:
    """None clears a field; an empty text is a text."""
    assert fingerprint(GroupRecord("G1", "", None), "") != fingerprint(GroupRecord("G1", "", ""), "")


@given(_people)
def test_fingerprints_are_those_that_earlier_versions_stored(person: UserRecord) -> None:
    """An upgrade makes no directory look changed: the bytes are those of the record's plain tuple."""
    plain = blake2b(f"v1\x1f{tuple(person)!r}".encode(), digest_size=16).digest()
    assert fingerprint(person, "v1") == plain


def test_a_fingerprint_takes_any_text_json_can_carry() -> None:
    """A lone surrogate, which JSON may hold, is compared like any other text."""
    assert len(fingerprint(UserRecord(external_id="\ud83d", user_name="\udfff"), "\ud800")) == 16


@given(_ids, _ids, _ids, _ids)
def test_member_digests_are_equal_exactly_for_equal_members(
    users: frozenset[str], groups: frozenset[str], other_users: frozenset[str], other_groups: frozenset[str]
) -> None:
    """The digest stands for the set of users and the set of nested groups, whatever their order."""
    one, other = member_digest(users, groups), member_digest(frozenset(list(users)[::-1]), groups)
    assert one == other
    if not any(
        "\x1f" in text or "\x1e" in text or text == ""
        for text in (*users, *groups, *other_users, *other_groups)
    ):
        same = (users, groups) == (other_users, other_groups)
        assert (member_digest(other_users, other_groups) == one) == same
