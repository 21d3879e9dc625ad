import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.group_rules import GroupRules, check, rules_of, tag_of
from sync.model.connection import Policy
from sync.model.errors import Misconfigured
from sync.model.resources import GroupRecord


def _rules(include: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> GroupRules:
    return rules_of(Policy(groups_include=include, groups_exclude=exclude))


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("Sales", ["Sales", "SALES", " sales "], ["Sales EMEA", "Presales"]),
        ("Eng*", ["Engineering", "eng", "ENG-dev"], ["Bengal"]),
        ("Straße*", ["STRASSE 7", "straße"], ["Str"]),
        ("*", ["anything"], []),
        ("/^eng-(dev|ops)$/", ["eng-dev", "Eng-Ops"], ["eng-devs", "my eng-dev"]),
        ("/ops/", ["DevOps team"], ["dev"]),
        ("/", ["/"], ["a/b"]),
    ],
)
def test_a_pattern_fits_names(pattern: str, fits: list[str], fits_not: list[str]) -> None:
    """A whole name, a prefix or a regular expression, whatever the case."""
    rules = _rules(include=(pattern,))
    assert [name for name in fits + fits_not if rules.wanted(GroupRecord("g", name))] == fits


def test_a_pattern_fits_an_id_exactly() -> None:
    """Ids are told apart by case, and neither a prefix nor an expression looks at them."""
    record = GroupRecord("00gAb", "Sales")
    assert _rules(include=("00gAb",)).wanted(record)
    for pattern in ("00gab", "00g*", "/00g/"):
        assert not _rules(include=(pattern,)).wanted(record)


def test_an_exclude_beats_an_include_and_says_which() -> None:
    """The reason names the pattern that left the group out."""
    rules = _rules(include=("Eng*",), exclude=("/temp/",))
    assert rules.why_out(GroupRecord("1", "Eng temps")) == "out of scope: excluded by /temp/"
    assert rules.why_out(GroupRecord("2", "Sales")) == "out of scope: not among the included groups"
    assert rules.why_out(GroupRecord("3", "Engineers")) is None


def test_without_rules_every_group_counts() -> None:
    """Nothing is asked when nothing is set."""
    assert not _rules()
    assert _rules().wanted(GroupRecord("g", ""))


def test_a_group_out_of_scope_gives_no_tag() -> None:
    """The tag follows the rules wherever it is made."""
    policy = Policy(groups_exclude=("Sales",))
    assert tag_of(GroupRecord("1", "Sales"), policy) is None
    assert tag_of(GroupRecord("1", "Support"), policy) == "Group:Support"


@pytest.mark.parametrize(
    ("text", "why"), [("/(/", "no regular expression"), (" ", "empty"), ("x" * 501, "longer")]
)
def test_a_bad_pattern_is_named(text: str, why: str) -> None:
    """The admin reads which pattern cannot be used and why."""
    with pytest.raises(Misconfigured, match=why):
        check([text])


@given(st.text(max_size=60), st.text(max_size=30))
def test_any_text_is_a_pattern_or_is_refused(pattern: str, name: str) -> None:
    """No pattern makes anything fail but the check of the settings."""
    try:
        rules = _rules(exclude=(pattern,))
    except Misconfigured:
        return
    rules.why_out(GroupRecord("id", name))
