import pytest

from sync.model.connection import Adopt, Policy
from sync.policy import address_of, adoption_doubt, is_protected
from tests.model.samples import ADA, account, record


@pytest.mark.parametrize(
    ("email", "user_name", "address"),
    [
        (ADA, "ada", ADA),
        ("  ada@example.com ", "ada", ADA),
        (None, ADA, ADA),
        ("not an address", ADA, ADA),
        (None, "ada", None),
        ("", "", None),
        ("ada@localhost", "ada", None),
        ("guest_example.org#EXT#@tenant.example.com", "ada", None),
        ("someone@münchen.example", "x", "someone@münchen.example"),
        ("two@at@example.com", "x", None),
        ("line\n@example.com", "x", None),
    ],
)
def test_the_address_is_the_first_field_that_looks_like_one(
    email: str | None, user_name: str, address: str | None
) -> None:
    """E-mail, then userName; what is no address, or a guest's mark, is passed over."""
    assert address_of(record("E1", email, user_name=user_name), Policy()) == address


def test_the_order_of_fields_is_a_setting() -> None:
    """A directory whose userName is the better address can say so."""
    policy = Policy(email_from=("user_name", "email"))
    assert address_of(record("E1", ADA, user_name="first@example.com"), policy) == "first@example.com"


def test_an_ordinary_account_is_adopted_by_itself() -> None:
    """The default is auto by e-mail."""
    assert adoption_doubt(account(), ADA, Policy(), ()) is None


@pytest.mark.parametrize(
    ("policy", "user", "others", "word"),
    [
        (Policy(adopt=Adopt.NEVER), account(), (), "never"),
        (Policy(adopt=Adopt.CONFIRM), account(), (), "confirm"),
        (Policy(), account(protected=True), (), "protected"),
        (Policy(protected=frozenset({ADA})), account(email="Ada@Example.com"), (), "protected"),
        (Policy(), account(admin=True), (), "administrator"),
        (Policy(), account(), ("Beta", "Alpha"), "Alpha, Beta"),
        (Policy(verified_domains=("other.example",)), account(), (), "example.com"),
    ],
)
def test_a_doubtful_adoption_waits_for_a_persons_word(
    policy: Policy, user: object, others: tuple[str, ...], word: str
) -> None:
    """Policy, protection, administration, another connection and a foreign domain each go to confirm."""
    doubt = adoption_doubt(user, ADA, policy, others)  # type: ignore[arg-type]
    assert doubt is not None
    assert word in doubt


def test_a_verified_domain_lets_its_people_through() -> None:
    """A listed domain is compared in any case."""
    assert adoption_doubt(account(), "ADA@EXAMPLE.COM", Policy(verified_domains=("example.com",)), ()) is None


def test_a_subdomain_is_not_the_verified_domain() -> None:
    """evil.example.com is not example.com, nor is anotherexample.com."""
    policy = Policy(verified_domains=("example.com",))
    assert adoption_doubt(account(), "ada@evil.example.com", policy, ()) is not None
    assert adoption_doubt(account(), "ada@anotherexample.com", policy, ()) is not None


def test_protection_is_a_mark_or_a_listed_email_in_any_case() -> None:
    """Whoever is on the list is protected, whatever the case of her address."""
    policy = Policy(protected=frozenset({ADA}))
    assert is_protected(account(protected=True), Policy())
    assert is_protected(account(email="ADA@example.com"), policy)
    assert not is_protected(account(email="bob@example.com"), policy)
    assert not is_protected(account(email=None), policy)


def test_a_group_without_template_has_no_tag() -> None:
    """The template names the tag; None leaves groups untagged; braces of a name stay as they are."""
    assert Policy().tag_of("Sales") == "Group:Sales"
    assert Policy(tag_template="x/{name}/y").tag_of("{name}") == "x/{name}/y"
    assert Policy(tag_template=None).tag_of("Sales") is None
