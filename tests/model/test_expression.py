from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.expression import BadRule, Call, Path, Text, Tree, Where, parse, paths, printed, value

RAW: dict[str, Any] = {
    "profile": {
        "nickName": "Bobby",
        "first": " Robert ",
        "last": "Tables",
        "level": 3,
        "vip": True,
        "none": None,
    },
    "emails": [{"type": "home", "value": "h@example.com"}, {"type": "work", "value": "w@example.com"}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "R&D"},
}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("profile.nickName", "Bobby"),
        ("profile.level", "3"),
        ("profile.vip", "true"),
        ("profile.none", None),
        ("profile.unknown.deeper", None),
        ("profile", None),
        ("emails[1].value", "w@example.com"),
        ("emails[9].value", None),
        ('emails[type eq "WORK"].value', "w@example.com"),
        ("emails[type eq work].value", "w@example.com"),
        ('emails[type eq "other"].value', None),
        ('["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"].department', "R&D"),
        ('profile["nickName"]', "Bobby"),
        ("=Acme, Inc.", "Acme, Inc."),
        ("=", None),
        ('join(trim(profile.first), " ", profile.last)', "Robert Tables"),
        ("join(profile.none, profile.last)", "Tables"),
        ("lower(profile.nickName)", "bobby"),
        ("coalesce(profile.none, profile.nickName)", "Bobby"),
        ('coalesce(profile.none, "nobody")', "nobody"),
        ('replace(profile.last, "Tab", "Cab")', "Cables"),
        ("join(profile.none)", None),
    ],
)
def test_a_rule_finds_its_value(rule: str, expected: str | None) -> None:
    """Paths, list places, filters, constants and functions; what is not there is empty."""
    assert value(parse(rule), RAW) == expected


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("", "character 1.*expected a path"),
        ("profile.", "character 9.*a key after the dot"),
        ("join(a, b", r"expected , or \)"),
        ("upper(a)", "character 1.*one of coalesce, join, lower, replace, trim"),
        ("lower(a, b)", "lower takes 1 at most"),
        ('replace(a, "x")', "replace takes 3"),
        ('replace(a, "", "x")', "the second not empty"),
        ("replace(a, b, c)", "texts in quotes"),
        ('"open', "a text that ends in"),
        ("a b", "the end of the rule"),
        ("a[x]", "expected eq"),
        ("a[", "a number, a key in quotes"),
        ("lower(" * 14 + "a" + ")" * 14, "no more than 12 calls"),
        ("a" * 1001, "1000 characters at most"),
        ("__import__('os')", "one of coalesce"),
    ],
)
def test_a_bad_rule_says_where_and_what_was_expected(rule: str, why: str) -> None:
    """The admin reads the position and what could stand there."""
    with pytest.raises(BadRule, match=why):
        parse(rule)


_KEYS = st.from_regex(r"[A-Za-z_$][A-Za-z0-9_$-]{0,6}", fullmatch=True)
_SHORT = st.text(max_size=8)
_STEPS = st.one_of(_SHORT, st.integers(0, 9999), st.builds(Where, _KEYS, _SHORT))
_PATHS = st.builds(lambda first, rest: Path((first, *rest)), _SHORT, st.lists(_STEPS, max_size=2))


def _calls(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    several = st.lists(inner, min_size=1, max_size=2).map(tuple)
    return st.one_of(
        st.builds(Call, st.sampled_from(["join", "coalesce"]), several),
        st.builds(Call, st.sampled_from(["lower", "trim"]), st.tuples(inner)),
        st.builds(
            Call,
            st.just("replace"),
            st.tuples(inner, st.builds(Text, st.text(min_size=1, max_size=4)), st.builds(Text, _SHORT)),
        ),
    )


_TREES: st.SearchStrategy[Tree] = st.recursive(
    st.one_of(_PATHS, st.builds(Text, _SHORT)), _calls, max_leaves=5
).filter(lambda tree: len(printed(tree)) <= 1000)


@given(_TREES)
def test_a_printed_tree_parses_to_itself(tree: Tree) -> None:
    """Nothing is lost between a tree and its text, whatever the keys and texts hold."""
    assert parse(printed(tree)) == tree


@given(st.one_of(st.text(max_size=80), st.text(alphabet='ab.,()[]" \\eqjoinlower=0', max_size=60)))
def test_any_text_is_a_rule_or_is_refused(rule: str) -> None:
    """The parser raises nothing but its own error, and what it accepts can be evaluated."""
    try:
        tree = parse(rule)
    except BadRule:
        return
    value(tree, RAW)


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), _SHORT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_SHORT, inner, max_size=3)),
    max_leaves=8,
)


@given(_TREES, st.dictionaries(_SHORT, _JSON, max_size=4))
def test_no_attributes_make_a_rule_fail(tree: Tree, raw: dict[str, Any]) -> None:
    """Whatever an IdP sends under the path, the answer is a text that is not empty, or nothing."""
    found = value(tree, raw)
    assert found is None or (found and len(found) <= 4000)
    assert all(path.keys for path in paths(tree))
