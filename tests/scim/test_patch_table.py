"""PATCH on a document, case by case: operations in, document or scimType out."""

from typing import Any

import pytest

from scim_server.coerce import Reading
from scim_server.errors import ScimError
from scim_server.knobs import PROFILES
from scim_server.operations import read_operations
from scim_server.patch import Patch
from scim_server.schemas import STANDARD
from sync.model.session import AddMembers, Kind, MemberEdit, MemberRef, NewMember, RemoveMembers, SetMembers
from tests.scim.client import ENT, op

WORK = {"type": "work", "value": "w@x"}
HOME = {"type": "home", "value": "h@x"}
USER: dict[str, Any] = {"userName": "ana", "active": True}


def patched(document: dict[str, Any], *operations: dict[str, Any], strict: bool = False) -> dict[str, Any]:
    reading = Reading(knobs=PROFILES["strict"]) if strict else Reading()
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": list(operations)}
    patch = Patch(STANDARD.user, USER | document, reading)
    patch.apply(read_operations(body, reading))
    return {name: value for name, value in patch.document.items() if name not in USER or value != USER[name]}


def test_what_an_operation_removed_is_gone_for_the_next_one() -> None:
    """A later filter that asks for what is not there, or a path without one, meets no empty entry."""
    removed = op("remove", 'emails[type eq "work"]')
    both: dict[str, Any] = {"emails": [WORK, HOME]}
    assert patched(both, removed, op("replace", "emails.display", value="D")) == {
        "emails": [HOME | {"display": "D"}]
    }
    with pytest.raises(ScimError, match="matches no entry"):
        patched({"emails": [WORK]}, removed, op("add", 'emails[not (type eq "work")].value', value="v@x"))


@pytest.mark.parametrize(
    ("before", "operation", "after"),
    [
        ({}, op("add", "title", value="T"), {"title": "T"}),
        ({"title": "S"}, op("add", "title", value="T"), {"title": "T"}),
        ({"title": "S"}, op("replace", "title", value=None), {}),
        ({"title": "S"}, op("remove", "title"), {}),
        ({"title": "S"}, op("remove", "title", value="other"), {}),
        ({}, op("remove", "title"), {}),
        ({"emails": [WORK]}, op("add", "emails", value=[HOME]), {"emails": [WORK, HOME]}),
        ({"emails": [WORK]}, op("add", "emails", value=HOME), {"emails": [WORK, HOME]}),
        ({"emails": [WORK]}, op("add", "emails", value=[WORK]), {"emails": [WORK]}),
        ({"emails": [WORK]}, op("replace", "emails", value=[HOME]), {"emails": [HOME]}),
        ({"emails": [WORK]}, op("replace", "emails", value=[]), {}),
        (
            {"emails": [WORK | {"primary": True}]},
            op("add", "emails", value=[HOME | {"primary": True}]),
            {"emails": [WORK | {"primary": False}, HOME | {"primary": True}]},
        ),
        (
            {"name": {"givenName": "A", "familyName": "L"}},
            op("replace", "name", value={"givenName": "B"}),
            {"name": {"givenName": "B", "familyName": "L"}},
        ),
        (
            {"name": {"givenName": "A", "familyName": "L"}},
            op("replace", value={"name": {"givenName": ""}}),
            {"name": {"familyName": "L"}},
        ),
        ({"name": {"givenName": "A"}}, op("remove", "name.givenName"), {}),
        ({}, op("add", "name.givenName", value="A"), {"name": {"givenName": "A"}}),
        (
            {"emails": [WORK, HOME]},
            op("replace", 'emails[type eq "work"].value', value="n@x"),
            {"emails": [WORK | {"value": "n@x"}, HOME]},
        ),
        (
            {"emails": [WORK, WORK | {"value": "v@x"}]},
            op("replace", 'emails[type eq "work"].display', value="D"),
            {"emails": [WORK | {"display": "D"}, WORK | {"value": "v@x", "display": "D"}]},
        ),
        (
            {"emails": [WORK | {"display": "D"}]},
            op("replace", 'emails[type eq "work"]', value={"value": "n@x"}),
            {"emails": [{"type": "work", "value": "n@x"}]},
        ),
        (
            {"emails": [WORK | {"display": "D"}]},
            op("add", 'emails[type eq "work"]', value={"value": "n@x"}),
            {"emails": [WORK | {"display": "D", "value": "n@x"}]},
        ),
        ({"emails": [WORK, HOME]}, op("remove", 'emails[type eq "work"]'), {"emails": [HOME]}),
        ({"emails": [WORK]}, op("remove", 'emails[type eq "work"]'), {}),
        ({"emails": [WORK]}, op("remove", 'emails[type eq "work"].value'), {}),
        (
            {"emails": [WORK | {"display": "D"}]},
            op("remove", 'emails[type eq "work"].display'),
            {"emails": [WORK]},
        ),
        ({"emails": [WORK]}, op("remove", 'emails[type eq "home"]'), {"emails": [WORK]}),
        ({"emails": [WORK]}, op("remove", 'emails[not (type eq "home")]'), {}),
        (
            {"emails": [WORK, HOME]},
            op("remove", 'emails[value sw "W" or value ew "nothing"]'),
            {"emails": [HOME]},
        ),
        (
            {},
            op("add", 'addresses[type eq "work" and primary eq true].locality', value="Bern"),
            {"addresses": [{"type": "work", "primary": True, "locality": "Bern"}]},
        ),
        ({}, op("add", f"{ENT}:department", value="D"), {ENT: {"department": "D"}}),
        ({ENT: {"department": "D"}}, op("remove", f"{ENT}:department"), {}),
        ({ENT: {"department": "D"}}, op("remove", ENT), {}),
        (
            {ENT: {"department": "D"}},
            op("add", ENT, value={"costCenter": "C"}),
            {ENT: {"department": "D", "costCenter": "C"}},
        ),
        ({}, op("add", "nothing", value="x"), {}),
        ({}, op("add", "password", value="x"), {}),
        ({}, op("replace", "externalId", value="e"), {"externalId": "e"}),
        ({"active": False}, op("replace", value={"active": "true"}), {}),
    ],
)
def test_changes(before: dict[str, Any], operation: dict[str, Any], after: dict[str, Any]) -> None:
    """The operation turns one document into the other."""
    assert patched(before, operation) == after


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        (op("remove"), "noTarget"),
        (op("move", "title", value="T"), "invalidSyntax"),
        ({"path": "title", "value": "T"}, "invalidSyntax"),
        (op("add", "title"), "invalidValue"),
        (op("replace", "title"), "invalidValue"),
        (op("add", value="text"), "invalidValue"),
        (op("add", "title..x", value="T"), "invalidPath"),
        (op("add", "emails[type", value="T"), "invalidPath"),
        (op("add", "emails[type is 1]", value="T"), "invalidFilter"),
        (op("add", "title", value={"a": 1}), "invalidValue"),
        (op("add", value={ENT: "text"}), "invalidValue"),
        (op("remove", "userName"), "mutability"),
        (op("replace", "userName", value=None), "invalidValue"),
        (op("replace", "userName", value=" "), "invalidValue"),
        (op("replace", f"{ENT}:manager.displayName", value="B"), "mutability"),
        (op("add", 'emails[type ne "work"].value', value="x"), "noTarget"),
        (op("add", 'title[type eq "work"]', value="x"), "invalidPath"),
    ],
)
def test_refusals(operation: dict[str, Any], scim_type: str) -> None:
    """What cannot be done says which kind of mistake it is."""
    with pytest.raises(ScimError) as error:
        patched({}, operation)
    assert (error.value.status, error.value.scim_type) == (400, scim_type)


@pytest.mark.parametrize(
    ("operations", "scim_type"),
    [
        ([], "invalidSyntax"),
        ([op("add", "nothing", value="x")], "invalidPath"),
        ([op("replace", 'emails[type eq "work"].value', value="x")], "noTarget"),
        ([op("replace", "id", value="x")], "mutability"),
        ([op("replace", "active", value="true")], "invalidValue"),
        ([op("add", "name", value={"nothing": "x"})], "invalidSyntax"),
    ],
)
def test_strict_refusals(operations: list[dict[str, Any]], scim_type: str) -> None:
    """A strict connection refuses what a lenient one lets pass."""
    with pytest.raises(ScimError) as error:
        patched({}, *operations, strict=True)
    assert error.value.scim_type == scim_type


def test_failed_patch_leaves_the_document_alone() -> None:
    """The document given is never written to."""
    before = {"emails": [dict(WORK)]}
    with pytest.raises(ScimError):
        patched(before, op("replace", 'emails[type eq "work"].value', value="n@x"), op("remove"))
    assert before == {"emails": [WORK]}


PRESENT = [
    MemberRef(value="u1", kind=Kind.USER, display="Ana"),
    MemberRef(value="g1", kind=Kind.GROUP, display="Eng"),
]


def edits(*operations: dict[str, Any], load: bool = False) -> list[MemberEdit]:
    def loaded() -> list[MemberRef]:
        assert load, "the members were read"
        return PRESENT

    reading = Reading()
    patch = Patch(STANDARD.group, {"displayName": "Eng"}, reading, loaded)
    patch.apply(read_operations({"Operations": list(operations)}, reading))
    return patch.edits


U1, U2 = NewMember(value="u1"), NewMember(value="u2")


@pytest.mark.parametrize(
    ("operation", "edit"),
    [
        (op("add", "members", value=[{"value": "u1"}, {"value": "u2"}]), AddMembers(members=[U1, U2])),
        (op("add", "members", value=[{"value": "u1"}, {"value": "u1"}]), AddMembers(members=[U1])),
        (op("add", "members.value", value="u1"), AddMembers(members=[U1])),
        (op("add", 'members[value eq "u1"]', value={"value": "u1"}), AddMembers(members=[U1])),
        (op("replace", "members", value=[{"value": "u2"}]), SetMembers(members=[U2])),
        (op("replace", "members", value=None), SetMembers(members=[])),
        (op("remove", "members"), SetMembers(members=())),
        (op("remove", "members", value=None), SetMembers(members=())),
        (op("remove", 'members[value eq "u1"]'), RemoveMembers(values=["u1"])),
        (op("remove", 'members[value eq "u1" or value eq "u2"]'), RemoveMembers(values=["u1", "u2"])),
        (op("remove", "members", value=[{"value": "u1"}, "u2"]), RemoveMembers(values=["u1", "u2"])),
        (
            op("replace", 'members[value eq "u1"].display', value="Ann"),
            AddMembers(members=[NewMember(value="u1", display="Ann")]),
        ),
    ],
)
def test_members_become_edits_without_being_read(operation: dict[str, Any], edit: MemberEdit) -> None:
    """What a PATCH says of members is an edit; nobody loads the group for it."""
    assert edits(operation) == [edit]


def test_a_filter_on_more_than_value_reads_the_members() -> None:
    """Members chosen by kind or display are looked up among those present after the edits so far."""
    assert edits(op("remove", 'members[type eq "Group"]'), load=True) == [RemoveMembers(values=["g1"])]
    both = edits(op("remove", 'members[value eq "u1"]'), op("remove", 'members[display sw "a"]'), load=True)
    assert both == [RemoveMembers(values=["u1"])]


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        (op("add", "members.display", value="x"), "mutability"),
        (op("replace", 'members[value eq "u1"].value', value="u2"), "mutability"),
        (op("remove", "displayName"), "mutability"),
    ],
)
def test_refusals_on_groups(operation: dict[str, Any], scim_type: str) -> None:
    """A member is removed and added, never changed into another; a group keeps its name."""
    with pytest.raises(ScimError) as error:
        edits(operation)
    assert error.value.scim_type == scim_type
