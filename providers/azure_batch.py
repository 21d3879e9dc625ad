"""Many small questions in one: Graph's $batch, where every item fails and is asked again by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from random import random
from typing import Any, Final, NamedTuple

import msgspec

from providers.answers import Answer, retry_after_s
from providers.azure_dialect import refusal
from providers.azure_walk import UNITS, VERSION
from providers.failures import Garbled, Throttled
from providers.http import LONGEST_WAIT_S, Ask, Wire
from sync.model.errors import ConnectorError, Incomplete, Transient

MOST: Final = 20
_TRIES: Final = 4
_WORTH_REPEATING: Final = frozenset({408, 424, 429})


class Item(NamedTuple):
    """One question of a batch: its key, path and query below the API's version, and what it is about."""

    key: str
    path: str
    what: str
    headers: Mapping[str, str] = {}
    cost: int = 1


class _Response(msgspec.Struct, gc=False):
    id: str
    status: int
    headers: dict[str, Any] | None = None
    body: msgspec.Raw = msgspec.Raw()


class _Batch(msgspec.Struct, gc=False):
    responses: list[_Response]


_decode = msgspec.json.Decoder(_Batch).decode

Outcome = Answer | ConnectorError


class Batches:
    """Asks up to twenty questions at a time. Which of them is answered first is Graph's choice."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def ask(self, items: Sequence[Item]) -> dict[str, Outcome]:
        """By key, the answer in the 2xx range, or the error that the item ended with.

        Raises when the batch as a whole cannot be had.
        """
        outcomes: dict[str, Outcome] = {}
        left = list(items)
        for attempt in range(_TRIES):
            again: list[tuple[Item, Answer | None]] = []
            for chunk in _chunks(left):
                answers = self._send(chunk)
                for item in chunk:
                    answer = answers.get(item.key)
                    if answer is None or _may_help(answer) or (answer.status == 401 and not attempt):
                        again.append((item, answer))
                    else:
                        outcomes[item.key] = self._outcome(item, answer)
            if not again:
                return outcomes
            left = [item for item, _ in again]
            if attempt + 1 < _TRIES:
                self._pause([answer for _, answer in again if answer is not None], attempt)
        return outcomes | {item.key: self._trouble(item, answer) for item, answer in again}

    def each(
        self, items: Sequence[Item], read: Callable[[Answer], Any]
    ) -> Iterator[tuple[str, Any | ConnectorError]]:
        """By key, what ``read`` makes of each answer, or the error that stands in the way."""
        for key, outcome in self.ask(items).items():
            if isinstance(outcome, ConnectorError):
                yield key, outcome
                continue
            try:
                yield key, read(outcome)
            except ConnectorError as error:
                yield key, error
            except Garbled as error:
                yield key, Incomplete(f"One answer of a batch cannot be read: {error}.")

    def _send(self, items: Sequence[Item]) -> dict[str, Answer]:
        asked = [
            {"id": str(number), "method": "GET", "url": item.path} | _headers(item)
            for number, item in enumerate(items)
        ]
        ask = Ask(
            f"{VERSION}/$batch",
            items[0].what if len(items) == 1 else f"{items[0].what} and others",
            UNITS,
            {"content-type": "application/json"},
            body=msgspec.json.encode({"requests": asked}),
            cost=sum(item.cost for item in items),
        )
        outer, batch = self._wire.ask(ask, _read)
        return {
            items[int(each.id)].key: _answer(each, outer)
            for each in batch.responses
            if each.id.isdecimal() and int(each.id) < len(items)
        }

    def _outcome(self, item: Item, answer: Answer) -> Outcome:
        if 200 <= answer.status < 300:
            return answer
        return refusal(answer.status, answer, item.what, self._wire.host)

    def _trouble(self, item: Item, answer: Answer | None) -> ConnectorError:
        status = answer.status if answer is not None else "nothing"
        kind = Throttled if answer is not None and answer.status == 429 else Transient
        return kind(
            f"{self._wire.host} answers {status} when asked for {item.what}, again and again; "
            "the next run tries again."
        )

    def _pause(self, answers: Sequence[Answer], attempt: int) -> None:
        """As long as the slowest item asks for, else longer every time; only a limit counts as throttled."""
        told = [wait for answer in answers if (wait := retry_after_s(answer)) is not None]
        if answers and all(answer.status == 401 for answer in answers):
            return  # the token ended on the way: asking again brings another
        if told and max(told) > LONGEST_WAIT_S:
            raise Throttled(
                f"{self._wire.host} asks us to slow down for {max(told) / 60:.0f} minutes; "
                "it is tried again then.",
                retry_after_s=max(told),
            )
        wait_s = max(1.0, *told) if told else random() * 2**attempt  # noqa: S311 - a jitter, no secret
        self._wire.pause(wait_s, is_limit=any(answer.status == 429 for answer in answers))


def _headers(item: Item) -> dict[str, Any]:
    return {"headers": dict(item.headers)} if item.headers else {}


def _chunks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    return (items[start : start + MOST] for start in range(0, len(items), MOST))


def _may_help(answer: Answer) -> bool:
    return answer.status in _WORTH_REPEATING or (answer.status >= 500 and answer.status != 501)


def _read(answer: Answer) -> _Batch:
    try:
        return _decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if isinstance(error, msgspec.ValidationError):
            raise Incomplete("The answer to a batch is no batch; nothing was concluded from it.") from error
        raise Garbled("it is not JSON") from error


def _answer(each: _Response, outer: Answer) -> Answer:
    headers = {str(name).lower(): str(value) for name, value in (each.headers or {}).items()}
    headers.setdefault("date", outer.headers.get("date", ""))
    return Answer(status=each.status, headers=headers, links=(), body=bytes(each.body))
