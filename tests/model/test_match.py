import pytest

from sync.match import Match, Situation, match
from sync.model.resources import DirectoryUser, UserRecord
from tests.model.samples import ADA, account, candidates, record, row


def _meet(said: UserRecord, *rows: DirectoryUser, users: tuple = (), doubled: tuple[str, ...] = ()) -> Match:
    return match(said, said.email, candidates(*rows, users=users, doubled=doubled))


def test_the_ids_owner_is_the_person_whatever_else_changed() -> None:
    """The IdP's id beats e-mail and userName: a changed e-mail is an update, not a new user."""
    found = _meet(record("E1", "new@example.com"), row(), users=(account(),))
    assert (found.situation, found.rule) == (Situation.LINKED, "external id")
    assert found.user == account()


def test_the_id_beats_another_persons_equal_email() -> None:
    """Who is known by id is nobody else, though another account has the e-mail."""
    other = account("u2", "new@example.com")
    found = _meet(record("E1", "new@example.com"), row(), users=(account(), other))
    assert found.user == account()


def test_the_scim_external_id_comes_before_email() -> None:
    """A pushed person is known by externalId before any name is looked at."""
    known = row("row-1", None, "old@example.com", scim_external_id="S1")
    named = row("row-2", None, ADA, scim_external_id="S2", user_id="u2")
    found = _meet(record("", ADA, scim_external_id="S1"), known, named, users=(account("u1"), account("u2")))
    assert found.directory_user == known
    assert found.rule == "externalId"


def test_two_rows_of_one_scim_external_id_are_a_dispute() -> None:
    """Two hits at a step: never pick one."""
    twins = (row("row-1", None, scim_external_id="S1"), row("row-2", None, scim_external_id="S1"))
    assert _meet(record("", ADA, scim_external_id="S1"), *twins).situation is Situation.DISPUTED


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        (record("E1", " ADA@EXAMPLE.COM "), "e-mail"),
        (record("E1", "else@example.com", user_name="Ada@Example.com"), "userName"),
    ],
)
def test_a_row_without_the_idps_id_is_found_by_folded_names(said: UserRecord, rule: str) -> None:
    """A person whom only a push has made so far is found by e-mail, then by userName, in any case."""
    found = _meet(said, row(external_id=None), users=(account(),))
    assert (found.situation, found.rule) == (Situation.LINKED, rule)


def test_a_plus_tag_makes_another_person() -> None:
    """Folding does not reach into the local part."""
    found = _meet(record("E2", "ada+sales@example.com"), row(external_id=None), users=(account(),))
    assert found.situation is Situation.UNMATCHED


def test_an_email_reused_by_a_new_id_is_a_dispute_while_the_old_link_lives() -> None:
    """Nobody gets another's account because the address was given away."""
    found = _meet(record("E2"), row(), users=(account(),))
    assert found.situation is Situation.DISPUTED
    assert "E1" in found.why


def test_an_email_of_somebody_who_is_gone_goes_by_ordinary_matching() -> None:
    """Whose link is over does not dispute the address any more."""
    found = _meet(record("E2"), row(status="gone"), users=(account(),))
    assert (found.situation, found.user) == (Situation.UNLINKED, account())


def test_two_rows_of_one_email_are_a_dispute() -> None:
    """Two hits at the e-mail: a person must say which."""
    twins = (row("row-1", None, user_name="a"), row("row-2", None, user_name="b"))
    assert _meet(record("E3", user_name="c"), *twins, users=(account(),)).situation is Situation.DISPUTED


def test_an_unlinked_person_whose_email_an_account_has_is_unlinked() -> None:
    """The account with the same e-mail is the one to adopt."""
    found = _meet(record(), users=(account("sso", "Ada@Example.Com"),))
    assert (found.situation, found.rule) == (Situation.UNLINKED, "e-mail")
    assert found.directory_user is None


def test_two_accounts_of_one_email_are_a_dispute() -> None:
    """When the application itself has the address twice, nobody is picked."""
    found = _meet(record(), users=(account("u1"), account("u2", ADA.upper())))
    assert found.situation is Situation.DISPUTED
    assert "2 accounts" in found.why


def test_an_email_that_several_newcomers_claim_is_a_dispute() -> None:
    """Two new people of one read with one address: neither is created."""
    assert _meet(record(), doubled=(ADA,)).situation is Situation.DISPUTED


def test_a_known_person_is_not_drawn_into_newcomers_dispute() -> None:
    """Whose id is known stays who she is, whoever else claims her address now."""
    assert _meet(record(), row(), users=(account(),), doubled=(ADA,)).situation is Situation.LINKED


def test_nobody_with_this_id_or_name_is_unmatched() -> None:
    """A newcomer is new."""
    found = _meet(
        record(),
        row("row-2", "E2", "bob@example.com", user_id="u2"),
        users=(account("u2", "bob@example.com"),),
    )
    assert (found.situation, found.directory_user, found.user) == (Situation.UNMATCHED, None, None)


def test_a_tombstones_person_is_found_again_by_id() -> None:
    """Who was deleted by SCIM and comes back is the same person with a new row."""
    dead = row(deleted_at="2026-11-24", status="gone")
    found = _meet(record("E1", "new@example.com"), dead, users=(account(),))
    assert (found.directory_user, found.user, found.rule) == (None, account(), "returned")


def test_an_unlinked_row_keeps_its_row_when_its_account_turns_up() -> None:
    """A person set aside earlier gets her account without a second row."""
    waiting = row(user_id=None)
    found = _meet(record(), waiting, users=(account("sso"),))
    assert (found.situation, found.directory_user) == (Situation.UNLINKED, waiting)


def test_a_dispute_tells_what_to_do() -> None:
    """The sentence for the admin names the ways out."""
    found = _meet(record("E2"), row(), users=(account(),))
    assert "link, separate or ignore" in found.why


def test_no_email_and_no_name_matches_nobody() -> None:
    """Empty keys are no keys: people without names are not one person."""
    nameless = row("row-1", None, None, user_name="")
    found = match(UserRecord("E9"), None, candidates(nameless, users=(account("u1", None),)))
    assert found.situation is Situation.UNMATCHED
