"""Carrying out a plan that was only looked at: by its id, and from a file."""

from typing import Any

import orjson
import pytest

from sync.approval import apply_plan
from sync.model.errors import Conflict, Held, Misconfigured
from sync.model.run import ItemState, PlanState, Run, RunState
from sync.model.session import AddMembers, NewMember
from sync.plan_file import PlanFile, apply_file, read, write
from sync.store import plans
from tests.engine.house import House


@pytest.fixture
def acme(house, ledger):
    """A connection whose directory is pulled in full."""
    made = house.connect()
    house.settle(made, ledger.source)
    return made


def preview(house: House, acme: Any, ledger: Any) -> Run:
    return house.pull(acme, ledger.source, dry_run=True)


def carry_out(house: House, acme: Any, plan_id: str | None, **said: Any) -> Run:
    with house.database.write() as conn:
        apply_plan(conn, plan_id or "", by="an admin", now=house.clock(), **said)
    return house.execute(house.claim(acme), _never)


def as_file(house: House, run: Run) -> bytes:
    with house.database.read() as conn:
        plan = plans.get(conn, run.plan_id or "")
        return write(plan, plans.items(conn, plan.id))


def from_file(house: House, acme: Any, document: PlanFile, **said: Any) -> Run:
    with house.database.write() as conn:
        apply_file(conn, document, by="an admin", now=house.clock(), **said)
    return house.execute(house.claim(acme), _never)


def _never() -> Any:
    raise AssertionError("a plan is carried out without asking the directory")


def test_a_preview_is_carried_out_as_it_was_shown(house, ledger, acme):
    """What the dry run promised is done, and the next pull finds nothing left."""
    ledger.suspend("A")
    ledger.add("N")
    ledger.groups["G1"].members |= {"F"}
    seen = preview(house, acme, ledger)
    assert house.user("a@example.com")["active"]
    done = carry_out(house, acme, seen.plan_id)
    assert done.state is RunState.SUCCEEDED
    assert house.plan(done).state is PlanState.APPLIED
    assert not house.user("a@example.com")["active"]
    assert "Group:Sales" in house.user("f@example.com")["tags"]
    assert not any(house.pull(acme, ledger.source).counts.values())


def test_what_a_safeguard_holds_needs_a_word(house, ledger, acme):
    """Without one only the harmless part goes and the rest waits; with one all of it goes."""
    for name in "ABCDEF":
        ledger.suspend(name)
    ledger.add("N")
    seen = preview(house, acme, ledger)
    done = carry_out(house, acme, seen.plan_id)
    assert done.state is RunState.HELD
    assert house.user("n@example.com")["active"]
    assert house.user("a@example.com")["active"]
    with pytest.raises(Held, match="--expect-hash"):
        carry_out(house, acme, seen.plan_id)
    assert carry_out(house, acme, seen.plan_id, yes=True).state is RunState.SUCCEEDED
    assert not house.user("a@example.com")["active"]


def test_naming_the_hash_is_a_word(house, ledger, acme):
    """The right checksum lets held items go; a wrong one is refused."""
    for name in "ABCDEF":
        ledger.suspend(name)
    seen = preview(house, acme, ledger)
    with pytest.raises(Conflict, match="not the one you looked at"):
        carry_out(house, acme, seen.plan_id, expect_hash="0" * 32)
    done = carry_out(house, acme, seen.plan_id, expect_hash=house.plan(seen).hash)
    assert done.state is RunState.SUCCEEDED
    assert not house.user("a@example.com")["active"]


def test_excluded_items_stay_as_they_are(house, ledger, acme):
    """An item that is left out is not done, and shown as left out."""
    ledger.suspend("A")
    ledger.suspend("B")
    seen = preview(house, acme, ledger)
    item = next(item for item in house.items(seen) if item.subject == "a@example.com")
    carry_out(house, acme, seen.plan_id, exclude=[item.id])
    assert house.user("a@example.com")["active"]
    assert not house.user("b@example.com")["active"]
    assert [one.state for one in house.items(seen) if one.id == item.id] == [ItemState.EXCLUDED]


def test_who_moved_since_the_preview_is_stale(house, ledger, acme):
    """People somebody changed in between, and groups a push changed, are not touched."""
    ledger.suspend("A")
    ledger.suspend("B")
    ledger.groups["G1"].members -= {"C"}
    seen = preview(house, acme, ledger)
    house.set_user(house.user("a@example.com")["id"], first_name="By hand")
    group = next(row for row in house.rows("directory_group") if row["name"] == "Sales")
    edit = AddMembers(members=[NewMember(value="D")])
    document = {"displayName": "Sales", "externalId": "G1"}
    house.push(acme, lambda session: session.change_group(group["id"], document, [edit]))
    carry_out(house, acme, seen.plan_id)
    states = {item.subject: item.state for item in house.items(seen) if item.action != "record"}
    assert states == {
        "a@example.com": ItemState.STALE,
        "b@example.com": ItemState.APPLIED,
        "Sales": ItemState.STALE,
    }
    assert house.user("a@example.com")["active"]


def test_a_preview_that_a_newer_read_overtook_is_refused(house, ledger, acme):
    """After another read of the directory the preview may be wrong: a new one is asked for."""
    ledger.suspend("A")
    seen = preview(house, acme, ledger)
    ledger.restore("A")
    house.pull(acme, ledger.source)
    with pytest.raises(Conflict, match="read again since"):
        carry_out(house, acme, seen.plan_id)


def test_a_plan_is_carried_out_once(house, ledger, acme):
    """The second time it is over."""
    ledger.suspend("A")
    seen = preview(house, acme, ledger)
    carry_out(house, acme, seen.plan_id)
    with pytest.raises(Conflict, match="it is applied; make a new plan"):
        carry_out(house, acme, seen.plan_id)


def test_a_file_is_applied_while_it_is_true(house, ledger, acme):
    """Written, read back, applied: the stored plan it names is carried out."""
    ledger.suspend("A")
    document = read(as_file(house, preview(house, acme, ledger)))
    assert document.connection == "Acme"
    assert from_file(house, acme, document).state is RunState.SUCCEEDED
    assert not house.user("a@example.com")["active"]


def test_a_file_with_another_hash_is_refused(house, ledger, acme):
    """A file bound to another checksum, or to another connection, is not this plan."""
    ledger.suspend("A")
    said = orjson.loads(as_file(house, preview(house, acme, ledger)))
    for lie in ({"hash": "f" * 32}, {"connection_id": "another"}):
        with pytest.raises(Conflict, match="not the same plan"):
            from_file(house, acme, read(orjson.dumps(said | lie)))


def test_an_edited_file_is_refused(house, ledger, acme):
    """Taking a line out of the file does not leave it out of the plan, so it is refused."""
    ledger.suspend("A")
    ledger.suspend("B")
    said = orjson.loads(as_file(house, preview(house, acme, ledger)))
    said["items"] = said["items"][:1]
    with pytest.raises(Conflict, match="--exclude"):
        from_file(house, acme, read(orjson.dumps(said)))


def test_a_file_stands_for_a_newer_plan_that_says_the_same(house, ledger, acme):
    """The directory was read again and still asks for exactly that: the newest such plan is meant."""
    for name in "ABCDEF":
        ledger.suspend(name)
    document = read(as_file(house, preview(house, acme, ledger)))
    held = house.pull(acme, ledger.source)
    assert house.plan(held).hash == document.hash
    assert from_file(house, acme, document, yes=True).state is RunState.SUCCEEDED
    assert house.plan(held).state is PlanState.APPLIED


def test_a_file_whose_plan_is_gone_is_refused(house, ledger, acme):
    """Nothing is applied from a file alone."""
    ledger.suspend("A")
    said = orjson.loads(as_file(house, preview(house, acme, ledger)))
    with pytest.raises(Conflict, match="not stored any more"):
        from_file(house, acme, read(orjson.dumps(said | {"plan_id": "zzzzzzzzzzzzzzzz", "hash": "0" * 32})))


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"format": 1}', b"\xff", b'"text"'])
def test_what_is_no_plan_file_is_named_so(data):
    """Any other file is refused with what to do."""
    with pytest.raises(Misconfigured, match=r"no plan file|another kind"):
        read(data)
