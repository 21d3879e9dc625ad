"""Random PATCHes and filters, read by us and by scim2-models: one outcome, but for what is marked."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scim2_models import EnterpriseUser, PatchOp, SCIMException, ScimFilter, User

from scim_server.coerce import Reading, coerce_list
from scim_server.errors import ScimError
from scim_server.knobs import PROFILES
from scim_server.operations import read_operations
from scim_server.patch import Patch
from scim_server.schemas import STANDARD
from tests.scim.client import CORE, ENT, PATCH, Scim

Oracle = User[EnterpriseUser]
PHONES = STANDARD.user.by_key["phonenumbers"].named

words = st.sampled_from(["a", "B", "ab", "Ab"])
kinds = st.sampled_from(["work", "home", "other"])
# Ours alone: entries that differ in case are two, so that a correction of case arrives.
phone = st.fixed_dictionaries({"value": st.sampled_from(["a", "B", "ab"]), "type": kinds})
phones = st.lists(phone, min_size=1, max_size=3, unique_by=lambda each: (each["type"], each["value"]))
documents = st.fixed_dictionaries(
    {"userName": words},
    optional={
        "title": words,
        "active": st.booleans(),
        "name": st.fixed_dictionaries({"givenName": words}, optional={"familyName": words}),
        "phoneNumbers": phones,
        ENT: st.fixed_dictionaries({"department": words}),
    },
)
plain = st.one_of(
    st.tuples(
        st.sampled_from(["title", "nickName", "name.givenName", f"{ENT}:department", "userName"]), words
    ),
    st.tuples(st.just("name"), st.fixed_dictionaries({"familyName": words})),
    st.tuples(st.just("phoneNumbers"), phones),
    st.tuples(st.just("active"), st.booleans()),
    st.tuples(kinds.map(lambda kind: f'phoneNumbers[type eq "{kind}"].display'), words),
    st.tuples(words.map(lambda word: f'phoneNumbers[value eq "{word}"].type'), kinds),
)
operations = st.one_of(
    st.tuples(st.sampled_from(["add", "replace"]), plain).map(
        lambda made: {"op": made[0], "path": made[1][0], "value": made[1][1]}
    ),
    plain.map(lambda made: {"op": "remove", "path": made[0]}),
    st.tuples(st.sampled_from(["add", "replace"]), documents).map(
        lambda made: {"op": made[0], "value": made[1]}
    ),
)


def ours(document: dict[str, Any], operation: dict[str, Any]) -> Any:
    reading = Reading(knobs=PROFILES["strict"])
    patch = Patch(STANDARD.user, document, reading)
    try:
        patch.apply(read_operations({"schemas": [PATCH], "Operations": [operation]}, reading))
    except ScimError as error:
        return error.scim_type
    return patch.document


def theirs(document: dict[str, Any], operation: dict[str, Any]) -> Any:
    user = Oracle.model_validate({"schemas": [CORE, ENT], **document})
    try:
        body = PatchOp[Oracle].model_validate({"schemas": [PATCH], "Operations": [operation]})
        body.patch(user)
    except (SCIMException, ValueError):
        return "refused"
    read = user.model_dump(mode="json", by_alias=True, exclude_none=True)
    read.pop("schemas", None)
    (read.get(ENT) or {}).pop("schemas", None)
    return {name: value for name, value in read.items() if value not in ({}, [])}


@settings(max_examples=300, deadline=None, database=None)
@given(document=documents, operation=operations)
def test_patches(document: dict[str, Any], operation: dict[str, Any]) -> None:
    """One operation turns a document into the same document, or is refused by both."""
    mine, other = ours(document, operation), theirs(document, operation)
    if isinstance(mine, str) or isinstance(other, str):
        assert isinstance(mine, str) == isinstance(other, str), (mine, other)
        return
    if "phoneNumbers" in other:
        # Ours alone: the same (type, value) is one entry.
        other["phoneNumbers"] = coerce_list(PHONES, other["phoneNumbers"], Reading())
    assert mine == other


single = st.sampled_from(["title", "displayName", "userName", "name.givenName"])
several = st.sampled_from(["phoneNumbers.value", "phoneNumbers.type"])
comparing = ["eq", "co", "sw", "ew", "gt", "ge", "lt", "le"]
conditions = st.one_of(
    # Ours alone: ``ne`` on a list asks for any entry that differs, so it is compared on single values only.
    st.tuples(single, st.sampled_from([*comparing, "ne"]), words.map('"{}"'.format)).map(" ".join),
    st.tuples(several, st.sampled_from(comparing), words.map('"{}"'.format)).map(" ".join),
    st.sampled_from(["title pr", "name pr", "phoneNumbers pr", "active eq true", f"{ENT}:department pr"]),
    st.tuples(kinds, words).map(lambda made: f'phoneNumbers[type eq "{made[0]}" and value co "{made[1]}"]'),
)
filters = st.recursive(
    conditions,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join),
        inner.map(lambda text: f"not ({text})"),
        inner.map(lambda text: f"({text})"),
    ),
    max_leaves=5,
)


@settings(
    max_examples=40, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(people=st.lists(documents, min_size=1, max_size=3), texts=st.lists(filters, min_size=1, max_size=12))
def test_filters(scim: Scim, people: list[dict[str, Any]], texts: list[str]) -> None:
    """A filter finds those of the stored people whom it matches in the oracle's reading."""
    made = [
        scim.user(**(person | {"userName": f"{person['userName']}{place}"}))
        for place, person in enumerate(people)
    ]
    try:
        for text in texts:
            found = {each["id"] for each in scim.find("Users", text)}
            expected = {
                user["id"] for user in made if ScimFilter[Oracle](text).match(Oracle.model_validate(user))
            }
            assert found == expected, (text, made)
    finally:
        for user in made:
            scim.delete(f"/Users/{user['id']}")
