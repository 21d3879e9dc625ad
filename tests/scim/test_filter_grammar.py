"""The filter language, read into the query tree: what is accepted, what it means, what is refused."""

import pytest

from scim_server.errors import ScimError
from scim_server.filter import ALL, parse_filter
from scim_server.knobs import PROFILES
from scim_server.paths import parse_target
from scim_server.schemas import ENTERPRISE, STANDARD
from sync.model.query import Both, Comparison, Either, Filter, Never, Not, Operator, Path, Present, Within
from tests.scim.client import CORE, ENT

USER_NAME = Path(name="userName")
TITLE = Path(name="title")
EMAIL = Path(name="emails", sub="value", multi_valued=True)
EMAILS = Path(name="emails", multi_valued=True, type="complex")
ACTIVE = Path(name="active", type="boolean")
CREATED = Path(name="meta", sub="created", type="dateTime")
MANAGER = Path(name="manager", sub="value", urn=ENTERPRISE, case_exact=True)


def parse(text: str) -> Filter:
    return parse_filter(text, STANDARD.user)


def eq(path: Path, value: str | bool | None) -> Comparison:
    return Comparison(path=path, operator=Operator.EQ, value=value)


A, B, C = eq(USER_NAME, "a"), eq(TITLE, "b"), eq(ACTIVE, True)
INSTANT = "2011-05-13T04:42:34.000000+00:00"


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ('userName eq "a"', A),
        ('  USERNAME   EQ "a" ', A),
        (f'{CORE}:userName eq "a"', A),
        (f'{CORE.upper()}:userName eq "a"', A),
        ('userName eq "a" and title eq "b"', Both(terms=(A, B))),
        ('userName eq "a" or title eq "b" and active eq true', Either(terms=(A, Both(terms=(B, C))))),
        ('(userName eq "a" or title eq "b") and active eq true', Both(terms=(Either(terms=(A, B)), C))),
        ('not (userName eq "a")', Not(term=A)),
        ('NOT(userName eq "a")and title eq "b"', Both(terms=(Not(term=A), B))),
        ("title pr", Present(path=TITLE)),
        ("emails pr", Present(path=EMAILS)),
        ("title eq null", Not(term=Present(path=TITLE))),
        ("title ne null", Present(path=TITLE)),
        ('active eq "True"', C),
        ('emails eq "x"', eq(EMAIL, "x")),
        ('emails.value eq "x"', eq(EMAIL, "x")),
        ('emails[type eq "work"]', Within(path=EMAILS, term=eq(Path(name="type"), "work"))),
        (
            'emails[type eq "work"].value eq "x"',
            Within(
                path=EMAILS, term=Both(terms=(eq(Path(name="type"), "work"), eq(Path(name="value"), "x")))
            ),
        ),
        (
            'emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp"]',
            Either(
                terms=(
                    Within(
                        path=EMAILS,
                        term=Both(
                            terms=(
                                eq(Path(name="type"), "work"),
                                Comparison(
                                    path=Path(name="value"), operator=Operator.CO, value="@example.com"
                                ),
                            )
                        ),
                    ),
                    Within(
                        path=Path(name="ims", multi_valued=True, type="complex"),
                        term=eq(Path(name="type"), "xmpp"),
                    ),
                )
            ),
        ),
        ('manager eq "m"', eq(MANAGER, "m")),
        (f'{ENT}:manager.value eq "m"', eq(MANAGER, "m")),
        (f'{ENT}:department eq "D"', eq(Path(name="department", urn=ENTERPRISE), "D")),
        (
            'meta.created gt "2011-05-13T04:42:34Z"',
            Comparison(path=CREATED, operator=Operator.GT, value=INSTANT),
        ),
        (
            "meta.created gt 2011-05-12T21:42:34-0700",
            Comparison(path=CREATED, operator=Operator.GT, value=INSTANT),
        ),
        ('userName eq "a\\"b\\\\c\\u00e9"', eq(USER_NAME, 'a"b\\cé')),
        ('userName eq "DOM\\user"', eq(USER_NAME, "DOM\\user")),
        ("userName eq a", A),
        ("userName eq 12.50", eq(USER_NAME, "12.50")),
        ('userName eq ""', eq(USER_NAME, "")),
        ('nothing eq "a"', Never()),
        ("nothing pr", Never()),
        ('nothing[type eq "a"]', Never()),
        ('userName eq "a" or nothing eq "b"', Either(terms=(A, Never()))),
        ("meta.resourceType eq User", ALL),
        ('meta.resourceType eq "Group"', Never()),
        (f'schemas eq "{CORE}"', ALL),
        ('schemas eq "urn:other"', Never()),
    ],
)
def test_reads(text: str, tree: Filter) -> None:
    """Each filter means this tree."""
    assert parse(text) == tree


def test_schema_of_an_extension_means_any_of_its_values() -> None:
    """Who lists an extension among its schemas has a value of it."""
    tree = parse(f'schemas eq "{ENT}"')
    assert isinstance(tree, Either)
    assert {term.path.urn for term in tree.terms if isinstance(term, Present)} == {ENTERPRISE}


@pytest.mark.parametrize(
    "text",
    [
        "garbage",
        "userName",
        "userName eq",
        'userName is "a"',
        'userName eq "a',
        'userName eq "a" and',
        'userName eq "a" title eq "b"',
        "and",
        "()",
        '(userName eq "a"',
        'userName eq "a")',
        "not userName pr",
        "userName eq 'a'",
        'emails[type eq "work"',
        'emails[emails[type eq "work"]]',
        'userName[type eq "a"]',
        'name eq "a"',
        "active gt true",
        'active co "t"',
        'active eq "perhaps"',
        'meta.created co "2011"',
        'meta.created gt "yesterday"',
        "title gt null",
        'password eq "x"',
        'Password sw "x"',
        f'{CORE}:password eq "x"',
        'emails.password eq "x" and password pr',
        'userName eq "a\\u0000b"',
        'user"Name" eq "a"',
        "(" * 40 + "title pr" + ")" * 40,
        " or ".join(["title pr"] * 300),
        f'userName eq "{"x" * 9000}"',
        '$%& eq "a"',
    ],
)
def test_refuses(text: str) -> None:
    """What is no filter is ``invalidFilter``, with a sentence."""
    with pytest.raises(ScimError) as error:
        parse(text)
    assert (error.value.status, error.value.scim_type) == (400, "invalidFilter")
    assert error.value.detail.endswith(".")


@pytest.mark.parametrize("text", ["userName eq a", 'nothing eq "a"', 'active eq "true"', 'nothing[a eq "b"]'])
def test_strict_refuses_what_only_clients_write(text: str) -> None:
    """Strict connections want quotation marks, known names and right types."""
    with pytest.raises(ScimError, match=r"cannot be read"):
        parse_filter(text, STANDARD.user, PROFILES["strict"])


@pytest.mark.parametrize(
    "text", ["", "emails[", "emails[]x", "[type eq 1]", "a..", "a b", "emails]", "name.", 'x"y']
)
def test_malformed_paths(text: str) -> None:
    """A path that cannot be read is ``invalidPath``, or ``invalidFilter`` inside its brackets."""
    with pytest.raises(ScimError) as error:
        parse_target(text, STANDARD.user)
    assert error.value.scim_type in {"invalidPath", "invalidFilter"}
