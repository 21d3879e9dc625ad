import threading
from datetime import timedelta

import pytest

from sync.model.errors import LeaseLost, NotFound
from sync.model.run import Phase, RunMode, RunState
from sync.store import migrate, runs
from sync.store.database import Database
from sync.store.ids import new_id
from tests.store.rows import NOW, add_connection


def request(conn, connection, mode=RunMode.FULL, **further):
    return runs.request(
        conn, connection.id, id=new_id(), mode=mode, trigger="schedule", by="scheduler", now=NOW, **further
    )


def claim(conn, **wanted):
    """A claim that must succeed."""
    claimed = runs.claim(conn, **wanted)
    assert claimed is not None
    return claimed


def together(count, work):
    """Run ``work(number)`` in ``count`` threads that begin at the same moment; their answers."""
    barrier, answers = threading.Barrier(count), [None] * count

    def one(number):
        barrier.wait()
        answers[number] = work(number)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_a_second_request_returns_the_queued_run(database, connection):
    """One run at most waits for a connection; while one runs, one more may wait."""
    with database.write() as conn:
        first, made = request(conn, connection, approves={"plan": "p"}, dry_run=True)
        again, made_again = request(conn, connection, RunMode.DELTA)
        assert (made, made_again, again) == (True, False, first)
        assert first.dry_run
        assert runs.details(conn, first.id)["approves"] == {"plan": "p"}
        runs.claim(conn, owner="a", lease_s=60, now=NOW)
        behind, made = request(conn, connection)
        assert made
        assert behind.state is RunState.QUEUED
        assert runs.claim(conn, owner="b", lease_s=60, now=NOW) is None


def test_requests_of_many_threads_make_one_run(database, connection):
    """Whoever asks at the same moment gets the same run, and one of them made it."""

    def ask(_number):
        with database.write() as conn:
            run, made = request(conn, connection)
        return run.id, made

    answers = together(6, ask)
    assert len({run_id for run_id, _ in answers}) == 1
    assert sum(made for _, made in answers) == 1


def test_two_hundred_runs_are_claimed_once_each(database):
    """Six replicas that claim at once share 200 runs; none is claimed twice."""
    wanted = set()
    for number in range(200):
        connection = add_connection(database, f"c{number}")
        with database.write() as conn:
            wanted.add(request(conn, connection)[0].id)

    def claim_all(number):
        mine: list[str] = []
        while True:
            with database.write() as conn:
                claimed = runs.claim(conn, owner=f"r{number}", lease_s=600, now=NOW)
            if claimed is None:
                return mine
            mine.append(claimed[1].id)

    claimed = [run_id for mine in together(6, claim_all) for run_id in mine]
    assert len(claimed) == 200
    assert set(claimed) == wanted


def test_a_lease_is_taken_over_only_after_its_end(database, connection):
    """A running run stays its owner's until the lease ends; then the fence grows and the phase stays."""
    with database.write() as conn:
        request(conn, connection)
        lease, run = claim(conn, owner="a", lease_s=60, now=NOW)
        assert (run.state, lease.fence) == (RunState.RUNNING, 1)
        runs.progress(conn, lease, phase=Phase.APPLYING)
        assert runs.claim(conn, owner="b", lease_s=60, now=NOW + timedelta(seconds=59)) is None
        runs.heartbeat(conn, lease, 0, now=NOW + timedelta(seconds=59))
        taken, run = claim(conn, owner="b", lease_s=60, now=NOW + timedelta(seconds=59))
        assert (taken.run_id, taken.fence, run.phase) == (lease.run_id, 2, Phase.APPLYING)
        assert run.started_at == runs.get(conn, run.id).started_at


def test_a_stale_fence_writes_nothing(database, connection):
    """Every door of a run is shut for the owner whose lease was taken over, and for one that finished."""
    with database.write() as conn:
        request(conn, connection)
        old, _ = claim(conn, owner="a", lease_s=0, now=NOW)
        new, _ = claim(conn, owner="b", lease_s=60, now=NOW)

    def refused(lease):
        for write in (
            lambda conn: runs.check(conn, lease),
            lambda conn: runs.heartbeat(conn, lease, 60, now=NOW),
            lambda conn: runs.progress(conn, lease, pages=1),
            lambda conn: runs.progress(conn, lease),
            lambda conn: runs.finish(conn, lease, state=RunState.FAILED, now=NOW),
        ):
            with database.write() as conn, pytest.raises(LeaseLost):
                write(conn)

    refused(old)
    with database.write() as conn:
        runs.check(conn, new)
        runs.finish(conn, new, state=RunState.SUCCEEDED, now=NOW, pages=3, reasons=["fine"], complete=True)
        run = runs.get(conn, new.run_id)
        assert (run.state, run.pages, run.reasons, run.complete) == (RunState.SUCCEEDED, 3, ("fine",), True)
    refused(new)


def test_nobody_claims_a_run_while_its_owner_writes(postgres_url):
    """On PostgreSQL a check holds off a claim until its transaction ends, and lets a heartbeat through."""
    database = Database(postgres_url)
    migrate.upgrade(database)
    connection = add_connection(database, "Acme")
    with database.write() as conn:
        request(conn, connection)
        lease, _ = claim(conn, owner="a", lease_s=0)
    with database.write() as writing:
        runs.check(writing, lease)
        with database.write() as other:
            assert runs.claim(other, owner="b", lease_s=60) is None
            runs.heartbeat(other, lease, 0)
    with database.write() as conn:
        assert claim(conn, owner="b", lease_s=60)[0].fence == 2
    database.close()


def test_a_claim_can_be_narrowed(database, connection):
    """By run or by connection; an abandoned run comes before a queued one."""
    other = add_connection(database, "Other")
    with database.write() as conn:
        first, _ = request(conn, connection)
        second, _ = request(conn, other)
        assert claim(conn, owner="a", lease_s=0, now=NOW, connection_id=other.id)[1].id == second.id
        assert claim(conn, owner="a", lease_s=60, now=NOW)[1].id == second.id
        assert runs.claim(conn, owner="a", lease_s=60, now=NOW, run_id=second.id) is None
        assert claim(conn, owner="a", lease_s=60, now=NOW, run_id=first.id)[1].id == first.id


def test_runs_are_listed_newest_first(database, connection):
    """Pages go on behind the last run seen, per connection or over all."""
    other = add_connection(database, "Other")
    with database.write() as conn:
        made = []
        for turn in range(4):
            run, _ = request(conn, connection if turn % 2 else other)
            made.append(run.id)
            lease, _ = claim(conn, owner="a", lease_s=60, now=NOW)
            runs.finish(conn, lease, state=RunState.SUCCEEDED, now=NOW)
        assert [run.id for run in runs.listed(conn)] == made[::-1]
        assert [run.id for run in runs.listed(conn, before=made[2], limit=1)] == [made[1]]
        assert [run.id for run in runs.listed(conn, connection_id=other.id)] == [made[2], made[0]]
        assert runs.listed(conn)[0].connection == "Acme"


def test_a_stop_is_asked_for_and_seen(database, connection):
    """Who asked stands on the run; unknown runs are an error that says where to look."""
    with database.write() as conn:
        run, _ = request(conn, connection)
        assert runs.stopped_by(conn, run.id) is None
        runs.request_stop(conn, run.id, by="ada")
        assert runs.stopped_by(conn, run.id) == "ada"
        for ask in (runs.get, runs.details, lambda conn, id: runs.request_stop(conn, id, by="ada")):
            with pytest.raises(NotFound, match="connector runs list"):
                ask(conn, "nothing")


def test_only_a_run_that_waits_is_cancelled_where_it_stands(database, connection):
    """A queued run ends at once and makes room; one that runs is left to its worker."""
    with database.write() as conn:
        run, _ = request(conn, connection)
        assert runs.cancel_queued(conn, run.id, now=NOW, error="cancelled by ada")
        assert not runs.cancel_queued(conn, run.id, now=NOW, error="again")
        ended = runs.get(conn, run.id)
        assert (ended.state, ended.error) == (RunState.CANCELLED, "cancelled by ada")
        running, made = request(conn, connection)
        assert made
        claim(conn, owner="a", lease_s=60, now=NOW)
        assert not runs.cancel_queued(conn, running.id, now=NOW, error="cancelled by ada")


def test_whether_a_claim_would_find_a_run_is_asked_without_writing(database, connection):
    """Only a queued run of an idle connection, or one whose lease ended, can be claimed."""

    def claimable(minutes=0):
        with database.read() as conn:
            return runs.is_claimable(conn, NOW + timedelta(minutes=minutes))

    assert not claimable()
    with database.write() as conn:
        request(conn, connection)
    assert claimable()
    with database.write() as conn:
        lease, _ = claim(conn, owner="a", lease_s=60, now=NOW)
        request(conn, connection)
    assert not claimable()
    with database.write() as conn:
        runs.hand_back(conn, lease, now=NOW)
    assert claimable()


def test_a_lease_from_before_the_clock_was_set_back_is_nobodys(sqlite_url):
    """On SQLite, where times are this machine's, a lease that ends hours ahead keeps no run from going on."""
    database = Database(sqlite_url)
    migrate.upgrade(database)
    connection = add_connection(database, "Acme")
    with database.write() as conn:
        request(conn, connection)
        claim(conn, owner="a", lease_s=30, now=NOW + timedelta(days=2))
        assert claim(conn, owner="b", lease_s=30, now=NOW)[0].fence == 2
        assert runs.claim(conn, owner="c", lease_s=30, now=NOW) is None
    database.close()
