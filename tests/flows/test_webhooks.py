"""Webhooks against real receivers on loopback, with the clock handed in."""

import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from connector.delivery import LONGEST_REST, LONGEST_WAIT, Deliverer
from connector.posting import Poster, signed
from connector.usecases.webhooks import new_secret
from sync.accounts import Account, add_accounts, reactivate, suspend
from sync.model.webhook import DeliveryState, Secret
from sync.store import deliveries, endpoints, migrate, outbox
from sync.store.database import Database
from sync.store.ids import new_id
from tests.flows.receivers import Call, Receiver, Reply, accept, receiving, refuse

START = datetime(2026, 11, 24, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class KilledError(BaseException):
    """The process ends here: nothing of ours catches it."""


@dataclass
class Office:
    """A database with events, a clock that stands still until it is moved, and a postman."""

    database: Database
    now: datetime = START
    poster: Poster = field(default_factory=lambda: Poster(allow_private=True, timeout_s=10))

    def postman(self, **given: object) -> Deliverer:
        plain: dict[str, object] = {"database": self.database, "poster": self.poster, "owner": "here"}
        plain |= {"open_secret": lambda _id, sealed: sealed, "clock": lambda: self.now}
        plain |= {"jitter": lambda: 0.5, "give_up_after": timedelta(days=3)}
        return Deliverer(**(plain | given))  # type: ignore[arg-type]

    def add(self, url: str, *secrets: Secret, types: tuple[str, ...] = ()) -> str:
        with self.database.write() as conn:
            made = endpoints.add(
                conn, id=new_id(), url=url, secrets=secrets or [Secret(sealed=new_secret())], types=types,
                connection_id=None, note="", position=outbox.last_sequence(conn), by="test", now=self.now,
            )  # fmt: skip
        return made.id

    def people(self, *names: str) -> list[str]:
        """Accounts made by hand; one event each."""
        accounts = [Account(email=f"{name}@example.com") for name in names]
        with self.database.write() as conn:
            return add_accounts(conn, accounts, by="test", now=self.now)

    def stir(self, user_id: str) -> None:
        """Two more events of a person."""
        with self.database.write() as conn:
            suspend(conn, user_id, by="test", reason="a test", now=self.now)
            reactivate(conn, user_id, by="test", reason="a test", now=self.now)

    def work(self, **given: object) -> None:
        """Everything that is due now."""
        postman = self.postman(**given)
        while postman.work_one():
            pass

    def pass_time(self, span: timedelta, step: timedelta = MINUTE) -> None:
        """Let time pass in steps, doing at each what is due."""
        end = self.now + span
        while self.now < end:
            self.now += step
            self.work()

    def states(self, endpoint_id: str) -> set[str]:
        with self.database.read() as conn:
            return {each.state.value for each in deliveries.listed(conn, endpoint_id, limit=10_000)}


@pytest.fixture
def office(database_url: str) -> Iterator[Office]:
    """An office on each database."""
    database = Database(database_url)
    migrate.upgrade(database)
    yield Office(database)
    database.close()


def by_person(calls: list[Call]) -> dict[str, list[int]]:
    """The sequences that came, by the person they are about."""
    found: dict[str, list[int]] = {}
    for call in calls:
        found.setdefault(call.event["subject"]["id"], []).append(call.event["sequence"])
    return found


def assert_in_order(calls: list[Call]) -> None:
    for came in by_person(calls).values():
        assert came == sorted(came)


def test_the_signature_verifies(office: Office, receiver: Receiver) -> None:
    """The library of Standard Webhooks accepts every delivery, and none that was changed on its way."""
    office.now = datetime.now(UTC)
    secret = new_secret()
    office.add(receiver.url, Secret(sealed=secret))
    office.people("ada", "ben")
    office.work()
    for call in receiver.accepted:
        event = Webhook(secret).verify(call.body, call.headers)
        assert (event["id"], event["type"]) == (call.id, "user.created")
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(call.body.replace("@", "%"), call.headers)
    assert len(receiver.accepted) == 2


def test_two_secrets_sign_while_rotating(office: Office, receiver: Receiver) -> None:
    """Until the old secret's time is over, a receiver with either one is served; then only the new."""
    office.now = datetime.now(UTC)
    old, new = new_secret(), new_secret()
    office.add(receiver.url, Secret(sealed=new), Secret(sealed=old, ends_at=office.now + MINUTE))
    office.people("ada")
    office.work()
    for secret in (old, new):
        assert Webhook(secret).verify(receiver.calls[0].body, receiver.calls[0].headers)
    office.now += MINUTE
    office.people("ben")
    office.work()
    assert Webhook(new).verify(receiver.calls[1].body, receiver.calls[1].headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(receiver.calls[1].body, receiver.calls[1].headers)


def test_scenario_19_one_receiver_down_for_an_hour_another_fine(office: Office) -> None:
    """The other hears everything at once; the one that was down gets it all, in order per person."""
    with receiving() as fine, receiving(refuse(503)) as down:
        office.add(fine.url)
        down_id = office.add(down.url)
        ids = office.people(*[f"p{number}" for number in range(10)])
        for _ in range(6):
            office.work()
            for user_id in ids:
                office.stir(user_id)
            office.work()
            caught_up = len(fine.accepted)
            office.pass_time(MINUTE * 10)
            assert len(fine.accepted) == caught_up
        assert len(fine.accepted) == 10 + 6 * 20
        assert down.accepted == []
        assert len(down.calls) < 40
        down.reply = accept
        office.pass_time(LONGEST_REST * 1.5)
        assert {call.id for call in down.accepted} == {call.id for call in fine.accepted}
        assert len(down.accepted) == len(fine.accepted)
        assert_in_order(down.accepted)
        assert_in_order(fine.accepted)
        assert office.states(down_id) == {"delivered"}


def test_a_person_whose_event_is_refused_holds_up_nobody_else(office: Office, receiver: Receiver) -> None:
    """An event the receiver cannot take waits with those behind it; everybody else's go on."""
    endpoint_id = office.add(receiver.url)
    ada, ben = office.people("ada", "ben")
    office.work()
    office.stir(ada)
    office.stir(ben)
    poison = _first_of(office, ada, "user.suspended")
    receiver.reply = lambda call: (422, {}, b"no") if call.event["sequence"] == poison else accept(call)
    office.work()
    assert len(by_person(receiver.accepted)[ada]) == 1
    assert len(by_person(receiver.accepted)[ben]) == 3
    assert office.states(endpoint_id) == {"delivered", "failed", "pending"}
    receiver.reply = accept
    office.now += LONGEST_WAIT
    office.work()
    assert_in_order(receiver.accepted)
    assert office.states(endpoint_id) == {"delivered"}


def _first_of(office: Office, user_id: str, type: str) -> int:
    with office.database.latest() as conn:
        told = [each for each in outbox.page(conn).events if each["type"] == type]
    return int(next(each["sequence"] for each in told if each["subject"]["id"] == user_id))


def test_a_retry_comes_later_and_later_until_it_succeeds(office: Office, receiver: Receiver) -> None:
    """Tries lie 5, 15, 45 … s apart, all with the same id, and the receiver's Retry-After counts."""
    endpoint_id = office.add(receiver.url)
    tries: list[datetime] = []

    def busy(_call: Call) -> Reply:
        tries.append(office.now)
        return 422, {"retry-after": "120"} if len(tries) == 4 else {}, b"later"

    receiver.reply = busy
    office.people("ada")
    office.work()
    while len(tries) < 5:
        office.now += timedelta(seconds=1)
        office.work()
    gaps = [(after - before).total_seconds() for before, after in itertools.pairwise(tries)]
    assert gaps == [5, 15, 45, 135]
    receiver.reply = accept
    office.pass_time(LONGEST_WAIT)
    assert len({call.id for call in receiver.calls}) == 1
    assert len(receiver.accepted) == 1
    with office.database.read() as conn:
        (row,) = deliveries.listed(conn, endpoint_id)
    assert (row.state, row.attempts, row.last_status) == (DeliveryState.DELIVERED, 6, 204)


def test_what_is_never_accepted_is_dead_after_three_days(office: Office, receiver: Receiver) -> None:
    """The last try is made after three days, not earlier; asked for again, it is delivered."""
    receiver.reply = refuse(500, b"broken")
    endpoint_id = office.add(receiver.url)
    office.people("ada", "ben")
    office.work()
    office.pass_time(timedelta(days=3) - MINUTE * 30, step=MINUTE * 5)
    assert "dead" not in office.states(endpoint_id)
    office.pass_time(MINUTE * 60, step=MINUTE * 5)
    assert office.states(endpoint_id) == {"dead"}
    assert len(receiver.calls) < 600
    receiver.reply = accept
    with office.database.write() as conn:
        assert deliveries.redeliver(conn, endpoint_id, now=office.now) == 2
    office.work()
    assert office.states(endpoint_id) == {"delivered"}
    assert len(receiver.accepted) == 2


def test_a_kill_between_call_and_note_sends_again_with_the_same_id(
    office: Office, receiver: Receiver
) -> None:
    """At least once: who is killed after the receiver accepted sends the event again, recognisably."""
    endpoint_id = office.add(receiver.url)
    office.people("ada")
    clock = iter([office.now] * 4)

    def until_the_note() -> datetime:
        if receiver.accepted:
            raise KilledError
        return next(clock, office.now)

    with pytest.raises(KilledError):
        office.work(clock=until_the_note, lease_s=0)
    assert office.states(endpoint_id) == {"pending"}
    office.now += MINUTE
    office.work()
    first, second = receiver.accepted
    assert first.id == second.id
    assert first.event == second.event
    assert office.states(endpoint_id) == {"delivered"}


def test_a_slow_endpoint_delays_no_other(office: Office, receiver: Receiver) -> None:
    """While one endpoint has not answered, another is served by the same process to the end."""
    released = threading.Event()

    def slow(call: Call) -> Reply:
        released.wait(30)
        return accept(call)

    with receiving(slow) as stuck:
        stuck_id, fine_id = office.add(stuck.url), office.add(receiver.url)
        office.people(*[f"p{number}" for number in range(30)])
        postman = office.postman()
        works = [postman.claim(), postman.claim()]
        threads = [threading.Thread(target=work) for work in works if work is not None]
        for thread in threads:
            thread.start()
        receiver.wait(lambda: len(receiver.accepted) == 30)
        stuck.wait(lambda: len(stuck.calls) == 8)
        assert stuck.accepted == []
        released.set()
        for thread in threads:
            thread.join()
        assert office.states(fine_id) == office.states(stuck_id) == {"delivered"}


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (refuse(302, location="http://127.0.0.1:1/"), "redirects are not followed"),
        (refuse(500, b"x" * 1_000_000), "answered 500: xxx"),
        (refuse(410), "answered 410"),
    ],
)
def test_what_is_not_an_acceptance_is_said(sqlite_url: str, reply, said: str) -> None:
    """A redirect is a failure and leads nowhere; of a long answer only the beginning is kept."""
    database = Database(sqlite_url)
    migrate.upgrade(database)
    office = Office(database)
    with receiving(reply) as receiver:
        endpoint_id = office.add(receiver.url)
        office.people("ada")
        office.work()
        assert len(receiver.calls) == 1
    with database.read() as conn:
        (row,) = deliveries.listed(conn, endpoint_id)
    database.close()
    assert row.state is DeliveryState.FAILED
    assert said in (row.last_error or "")
    assert len(row.last_error or "") <= 300


def test_a_certificate_nobody_trusts_and_a_closed_port_are_said(receiver: Receiver) -> None:
    """What broke the line is one sentence that names the host."""
    poster = Poster(allow_private=True, timeout_s=5)
    with poster.line("http://127.0.0.1:1/") as line:
        assert line.post("{}", {}).error == "127.0.0.1 refuses connections"
    with poster.line(receiver.url.replace("http:", "https:")) as line:
        assert "127.0.0.1" in (line.post("{}", {}).error or "")


def test_names_are_resolved_once_and_called_by_what_was_looked_at(receiver: Receiver) -> None:
    """The receiver sees its own name, whatever address the call went to."""
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    url = receiver.url.replace("127.0.0.1", "hooks.example.com")
    with Poster(allow_private=True, resolve=resolve).line(url) as line:
        assert line.post("{}", signed([new_secret()], "e1", START, "{}")).accepted
        assert line.post("{}", {}).accepted
    assert asked == ["hooks.example.com"]
    assert receiver.calls[0].headers["host"] == url.split("/")[2]


def test_a_pause_ends_a_turn_and_loses_nothing(office: Office, receiver: Receiver) -> None:
    """What was accepted while the pause came is noted; the rest waits, and goes at once when it ends."""
    endpoint_id = office.add(receiver.url)
    (ada,) = office.people("ada")
    for _ in range(3):
        office.stir(ada)

    def pausing(call: Call) -> Reply:
        with office.database.write() as conn:
            endpoints.set_enabled(conn, endpoint_id, enabled=False)
        return accept(call)

    receiver.reply = pausing
    office.work()
    assert len(receiver.accepted) == 1
    assert office.states(endpoint_id) == {"delivered", "pending"}
    receiver.reply = accept
    with office.database.write() as conn:
        endpoints.set_enabled(conn, endpoint_id, enabled=True)
    office.work()
    assert [call.event["sequence"] for call in receiver.accepted] == list(range(1, 8))
