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
LISTS = {name: STANDARD.user.by_key[name.lower()].named for name in ("phoneNumbers", "addresses")}

words = st.sampled_from(["a", "B", "ab", "Ab"])
kinds = st.sampled_from(["work", "home", "other"])
# Ours alone: entries that differ in case are two, so that a correction of case arrives.
apart = st.sampled_from(["a", "B", "ab"])
phone = st.fixed_dictionaries({"value": apart, "type": kinds})
phones = st.lists(phone, min_size=1, max_size=3, unique_by=lambda each: (each["type"], each["value"]))
# Ours alone: an entry that says nothing but its type is none, so each address has a country.
address = st.fixed_dictionaries({"type": kinds, "country": st.just("DE")}, optional={"locality": apart})
addresses = st.lists(address, min_size=1, max_size=2, unique_by=lambda each: each["type"])
documents = st.fixed_dictionaries(
    {"userName": words},
    optional={
        "externalId": words,
        "title": words,
        "active": st.booleans(),
        "name": st.fixed_dictionaries({"givenName": words}, optional={"familyName": words}),
        "phoneNumbers": phones,
        "addresses": addresses,
        ENT: st.fixed_dictionaries(
            {"department": words}, optional={"manager": st.fixed_dictionaries({"value": words})}
        ),
    },
)
one = st.tuples(kinds, words).map(lambda made: f'type eq "{made[0]}" and value eq "{made[1]}"')
picks = st.one_of(
    one,
    kinds.map('type eq "{}"'.format),
    kinds.map('not (type eq "{}")'.format),
    words.map('value eq "{}"'.format),
    words.map('value sw "{}"'.format),
    st.tuples(kinds, words).map(lambda made: f'type eq "{made[0]}" or value eq "{made[1]}"'),
    st.sampled_from(["primary eq true", "display pr"]),
)
plain = st.one_of(
    st.tuples(st.sampled_from(["title", "nickName", "name.givenName", "userName", "externalId"]), words),
    st.tuples(st.just(f"{ENT}:department"), words),
    st.tuples(st.just(f"{ENT}:manager"), st.fixed_dictionaries({"value": words})),
    st.tuples(st.just("name"), st.fixed_dictionaries({"familyName": words})),
    st.tuples(st.just("phoneNumbers"), phones),
    st.tuples(st.just("addresses"), addresses),
    st.tuples(st.just("active"), st.booleans()),
    st.tuples(picks.map("phoneNumbers[{}]".format), phone),
    st.tuples(picks.map("phoneNumbers[{}].value".format), words),
    st.tuples(picks.map("phoneNumbers[{}].display".format), words),
    st.tuples(words.map('phoneNumbers[value eq "{}"].type'.format), kinds),
    # Ours alone: of several entries made primary at once the last one is it, where the oracle refuses.
    st.tuples(one.map("phoneNumbers[{}].primary".format), st.booleans()),
    st.tuples(kinds.map('addresses[type eq "{}"].locality'.format), apart),
)
added = st.sampled_from(["add", "replace"])
operations = st.one_of(
    st.tuples(added, plain).map(lambda made: {"op": made[0], "path": made[1][0], "value": made[1][1]}),
    plain.map(lambda made: {"op": "remove", "path": made[0]}),
    st.tuples(added, documents).map(lambda made: {"op": made[0], "value": made[1]}),
    # Ours alone: a manager's id may be removed as well as set.
    st.tuples(added, words).map(
        lambda made: {"op": made[0], "path": f"{ENT}:manager.value", "value": made[1]}
    ),
)


def ours(document: dict[str, Any], several: list[dict[str, Any]]) -> Any:
    reading = Reading(knobs=PROFILES["strict"])
    patch = Patch(STANDARD.user, document, reading)
    try:
        patch.apply(read_operations({"schemas": [PATCH], "Operations": several}, reading))
    except ScimError as error:
        return error.scim_type or "refused"
    return patch.document


def theirs(document: dict[str, Any], several: list[dict[str, Any]]) -> Any:
    user = Oracle.model_validate({"schemas": [CORE, ENT], **document})
    try:
        body = PatchOp[Oracle].model_validate({"schemas": [PATCH], "Operations": several})
        body.patch(user)
    except (SCIMException, ValueError):
        return "refused"
    read = user.model_dump(mode="json", by_alias=True, exclude_none=True)
    read.pop("schemas", None)
    (read.get(ENT) or {}).pop("schemas", None)
    for name in LISTS.keys() & read.keys():
        # Ours alone: the same (type, value) is one entry.
        read[name] = coerce_list(LISTS[name], read[name], Reading())
    return {name: value for name, value in read.items() if value not in ({}, [], None)}


@settings(max_examples=settings().max_examples * 3, deadline=None, database=None)
@given(document=documents, several=st.lists(operations, min_size=1, max_size=3))
def test_patches(document: dict[str, Any], several: list[dict[str, Any]]) -> None:
    """Operations, one after the other, make the same document of one, or are refused by both."""
    mine, other = ours(document, several), theirs(document, several)
    if isinstance(mine, str) or isinstance(other, str):
        assert isinstance(mine, str) == isinstance(other, str), (mine, other)
        return
    assert mine == other


quoted = words.map('"{}"'.format)
single = st.sampled_from(
    [
        *("title", "displayName", "userName", "USERNAME", f"{CORE}:userName", "name.givenName"),
        *("externalId", f"{ENT}:department", f"{ENT}:manager.value", "meta.resourceType"),
    ]
)
listed = st.sampled_from(["phoneNumbers.value", "phoneNumbers.type", "addresses.locality"])
dated = st.sampled_from(["meta.created", "meta.lastModified"])
moments = st.sampled_from(['"2011-05-13T04:42:34Z"', '"2999-01-01T00:00:00+02:00"'])
ordering = ["gt", "ge", "lt", "le"]
comparing = ["eq", "EQ", "co", "sw", "ew", *ordering]
typed = st.tuples(kinds, words)
conditions = st.one_of(
    # Ours alone: ``ne`` on a list asks for any entry that differs, so it is compared on single values only.
    st.tuples(single, st.sampled_from([*comparing, "ne"]), quoted).map(" ".join),
    st.tuples(listed, st.sampled_from(comparing), quoted).map(" ".join),
    st.tuples(dated, st.sampled_from(ordering), moments).map(" ".join),
    st.sampled_from(
        [
            *("title pr", "name pr", "phoneNumbers pr", "addresses.locality pr", f"{ENT}:department pr"),
            *("active eq true", "active eq false", "active ne true", "phoneNumbers[primary eq true]"),
        ]
    ),
    typed.map(lambda made: f'phoneNumbers[type eq "{made[0]}" and value co "{made[1]}"]'),
    typed.map(lambda made: f'phoneNumbers[not (type eq "{made[0]}") or value eq "{made[1]}"]'),
    words.map('addresses[country eq "de" and locality sw "{}"]'.format),
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


def _apart(person: dict[str, Any], place: int) -> dict[str, Any]:
    """Nobody may have another's userName or externalId."""
    return person | {name: f"{person[name]}{place}" for name in ("userName", "externalId") if name in person}


@settings(
    max_examples=settings().max_examples * 2 // 5,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(people=st.lists(documents, min_size=1, max_size=3), texts=st.lists(filters, min_size=1, max_size=12))
def test_filters(scim: Scim, people: list[dict[str, Any]], texts: list[str]) -> None:
    """A filter finds those of the stored people whom it matches in the oracle's reading."""
    made = [scim.user(**_apart(person, place)) for place, person in enumerate(people)]
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
