"""Webhook delivery: takes an endpoint that has something to deliver, and calls it for a while.

Each endpoint is called by one replica at a time, under a lease; several at once are called by
several threads, so a slow or broken one holds up nobody else. An event that was accepted is
written down after the call: who is killed in between sends it again, with the same ``webhook-id``.

Nothing here sleeps. What failed gets a time at which it is due again; an endpoint that keeps
failing rests as a whole and is then tried with a single call.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from connector.posting import Answer, Line, Poster, signed
from sync.model.errors import ConnectorError, LeaseLost, Misconfigured
from sync.model.webhook import DeliveryState, Due, Endpoint, Health, Settled, Turn, live_secrets
from sync.store import deliveries
from sync.store.database import Database
from sync.store.text import from_json, to_json

AT_ONCE: Final = 8
"""Calls to one endpoint at a time, each about another person."""

ROUND: Final = 100
"""Calls to one endpoint that are written down together."""

TURN: Final = timedelta(seconds=5)
"""How long one endpoint may be served before it is another's turn."""

FAILING_AFTER: Final = 3
"""Failed calls in a row, with none accepted between, after which the endpoint rests as a whole."""

FIRST_WAIT: Final = timedelta(seconds=5)
LONGEST_WAIT: Final = timedelta(minutes=30)
LONGEST_REST: Final = timedelta(minutes=10)
_THIS_EVENT: Final = frozenset({400, 409, 413, 415, 422})
"""Answers that speak of this one event, not of the endpoint."""

log = structlog.get_logger("connector.delivery")


@dataclass(kw_only=True)
class Deliverer:
    """One process's postman. ``jitter`` gives numbers in [0, 1); ``open_secret`` opens an endpoint's seal.

    ``meter`` hears what became of each call.
    """

    database: Database
    poster: Poster
    open_secret: Callable[[str, str], str]
    clock: Callable[[], datetime]
    jitter: Callable[[], float]
    give_up_after: timedelta
    owner: str
    meter: Callable[[DeliveryState], None] = lambda _: None
    lease_s: float = 60.0

    def claim(self, stop: Callable[[], bool] = lambda: False) -> Callable[[], None] | None:
        """The work of one endpoint's turn, to be called in any thread; None when nothing is due."""
        if not self.is_anything_ready():
            return None
        with self.database.write() as conn:
            turn = deliveries.claim(conn, owner=self.owner, lease_s=self.lease_s, now=self.clock())
        return None if turn is None else partial(self._take, turn, stop)

    def is_anything_ready(self) -> bool:
        """Whether a claim would find work; cheap enough to be asked after every commit."""
        return self.database.look(lambda conn: deliveries.is_anything_ready(conn, self.clock()))

    def work_one(self) -> bool:
        """Take one endpoint's turn here and now; False when there was none."""
        work = self.claim()
        if work is not None:
            work()
        return work is not None

    def _take(self, turn: Turn, stop: Callable[[], bool]) -> None:
        with structlog.contextvars.bound_contextvars(webhook=turn.endpoint.id):
            try:
                self._deliver(turn, stop)
                with self.database.write() as conn:
                    deliveries.release(conn, turn)
            except LeaseLost as error:
                log.info("turn ends early", why=error.message)
            except ConnectorError as error:
                # Its lease ends by itself, and then it is tried again.
                log.warning("webhook waits", error=error.message)

    def _deliver(self, turn: Turn, stop: Callable[[], bool]) -> None:
        ends_at = self.clock() + TURN
        with self.poster.line(turn.endpoint.url, connections=AT_ONCE) as line:

            def is_over() -> bool:
                return stop() or self.clock() >= ends_at

            while not stop() and self._round(turn, line, is_over) and not is_over():
                pass

    def _round(self, turn: Turn, line: Line, is_over: Callable[[], bool]) -> bool:
        """One round of calls; whether another may follow."""
        now = self.clock()
        with self.database.write() as conn:
            endpoint = deliveries.renew(conn, turn, lease_s=self.lease_s, now=now)
            if not endpoint.enabled:
                return False
            looked_at = deliveries.fan_out(conn, endpoint, now=now)
            limit = ROUND if endpoint.failures < FAILING_AFTER else 1
            found = deliveries.due(conn, endpoint.id, now=now, limit=limit)
        if not found:
            return looked_at > 0
        try:
            keys = self._keys(endpoint, now)
        except Misconfigured as error:
            answered = [(each, Answer(error=error.message)) for each in found]
        else:
            answered = Round(found, lambda each: self._call(line, keys, each), is_over).answered()
        return self._settle(turn, answered)

    def _keys(self, endpoint: Endpoint, now: datetime) -> list[str]:
        return [self.open_secret(endpoint.id, each.sealed) for each in live_secrets(endpoint.secrets, now)]

    def _call(self, line: Line, keys: Sequence[str], each: Due) -> Answer:
        if each.body is None or each.event_id is None:
            return Answer(error="the event is no longer kept")
        body = body_of(each.body, each.sequence)
        return line.post(body, signed(keys, each.event_id, self.clock(), body))

    def _settle(self, turn: Turn, answered: Sequence[tuple[Due, Answer]]) -> bool:
        now = self.clock()
        with self.database.write() as conn:
            before = deliveries.renew(conn, turn, lease_s=self.lease_s, now=now)
            results = [self._settled(due, answer, now) for due, answer in answered]
            deliveries.settle(conn, before.id, results, now=now)
            after = self._health(before, [answer for _, answer in answered], now)
            deliveries.report(conn, before.id, after, now=now)
            if after.failing_since is not None and now - after.failing_since >= self.give_up_after:
                deliveries.bury(
                    conn,
                    before.id,
                    made_before=now - self.give_up_after,
                    error=f"given up: the endpoint did not answer well for days ({after.error})",
                    now=now,
                )
        for each in results:
            self.meter(each.state)
        _tell(before, after)
        return after.next_at is None

    def _settled(self, due: Due, answer: Answer, now: datetime) -> Settled:
        told = partial(
            Settled, sequence=due.sequence, asked=due.asked, status=answer.status, error=answer.error
        )
        if answer.accepted:
            return told(state=DeliveryState.DELIVERED)
        ends_at = (due.first_at or now) + self.give_up_after
        if due.body is None or now >= ends_at:
            return told(state=DeliveryState.DEAD)
        wait = self._wait(due.attempts, LONGEST_WAIT, answer.retry_after_s)
        # The last try is made when the time is up, not somewhere before.
        return told(state=DeliveryState.FAILED, next_at=min(now + wait, ends_at))

    def _health(self, before: Endpoint, answers: Sequence[Answer], now: datetime) -> Health:
        worst = next((answer for answer in answers if not answer.accepted), answers[0])
        told = partial(Health, status=worst.status, error=worst.error)
        if any(answer.accepted for answer in answers):
            return told()
        blamed = [answer for answer in answers if _blames(answer)]
        failures = before.failures + len(blamed)
        since = before.failing_since or (now if blamed else None)
        if not blamed or failures < FAILING_AFTER:
            return told(failures=failures, failing_since=since)
        asked_s = max((answer.retry_after_s or 0.0 for answer in blamed), default=0.0)
        rest = self._wait(failures - FAILING_AFTER, LONGEST_REST, asked_s)
        return told(failures=failures, failing_since=since, next_at=now + rest)

    def _wait(self, times: int, longest: timedelta, asked_s: float | None) -> timedelta:
        """5 s, 15 s, 45 s … up to ``longest``, a fifth more or less, and not before the receiver asked."""
        usual: timedelta = min(FIRST_WAIT * 3 ** min(times, 12), longest) * (0.8 + 0.4 * self.jitter())
        return max(usual, min(timedelta(seconds=asked_s or 0), longest))


def body_of(stored: str, sequence: int) -> str:
    """What is sent for an event: its envelope with its sequence, as JSON with sorted keys."""
    return to_json(from_json(stored) | {"sequence": sequence})


class Round:
    """Calls that a few hands share: each takes the next when it is done with one.

    They take no more when the time is over, or when the endpoint fails and accepts nothing; what was
    not taken is as it was.
    """

    def __init__(
        self, found: Sequence[Due], call: Callable[[Due], Answer], is_over: Callable[[], bool]
    ) -> None:
        self._waiting, self._call, self._is_over = deque(found), call, is_over
        self._answered: list[tuple[Due, Answer]] = []
        self._lock = threading.Lock()

    def answered(self) -> list[tuple[Due, Answer]]:
        """What was called, with its answer.

        Daemon threads: a process that is told to end does not wait for somebody's slow answer.
        """
        further = range(min(AT_ONCE, len(self._waiting)) - 1)
        hands = [threading.Thread(target=self._lend_a_hand, daemon=True) for _ in further]
        for hand in hands:
            hand.start()
        self._lend_a_hand()
        for hand in hands:
            hand.join()
        return self._answered

    def _lend_a_hand(self) -> None:
        while (due := self._next()) is not None:
            answer = self._call(due)
            with self._lock:
                self._answered.append((due, answer))

    def _next(self) -> Due | None:
        with self._lock:
            is_first = not self._answered
            if not self._waiting or not (is_first or self._goes_on()):
                return None
            return self._waiting.popleft()

    def _goes_on(self) -> bool:
        fails = len(self._answered) >= FAILING_AFTER and all(_blames(each) for _, each in self._answered)
        return not fails and not self._is_over()


def _blames(answer: Answer) -> bool:
    """Whether an answer speaks against the endpoint and not against one event."""
    return not answer.accepted and answer.status not in _THIS_EVENT


def _tell(before: Endpoint, after: Health) -> None:
    """Once when an endpoint begins to rest, once when it is well again."""
    if before.failures < FAILING_AFTER <= after.failures:
        log.warning("webhook fails and rests", url=before.url, error=after.error)
    elif after.failures == 0 and before.failures >= FAILING_AFTER:
        log.info("webhook is well again", url=before.url)
