"""Faults of transport and of rows, for any vendor whose lists are rows in JSON."""

import gzip
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from providers.simulator.clock import iso, parse_iso
from providers.simulator.faults import Armed, BadFault
from providers.simulator.wire import HTML, JSON, Answer, Manner, Request

PAGE = b"<!DOCTYPE html>\n<html><head><title>%s</title></head><body><h1>%s</h1></body></html>\n"
Row = dict[str, Any]


def html(status: int, title: str) -> Answer:
    """A page for people, where a program asked."""
    return Answer(status=status, body=PAGE % (title.encode(), title.encode()), headers=[HTML])


def canned(armed: Armed, request: Request) -> Answer | None:
    """The answers that are the same at every vendor; None for a fault that is not one of them."""
    if armed.name == "hang":
        return Answer(manner=Manner.HANG)
    if armed.name == "login_page":
        return html(200, "Sign in")
    if armed.name == "redirect":
        host = "evil.test" if armed.arg("other_host") == "other_host" else armed.arg()
        return Answer(status=302, headers=[(b"location", f"http://{host}{request.path}".encode())])
    if armed.name == "drop_key":
        return Answer(body=b"{}", headers=[JSON])
    if armed.name == "key_type":
        return Answer(body=b'"a string"', headers=[JSON])
    if armed.name in ("fail", "deny") and armed.named.get("body", "json") != "json":
        return _bodied(armed)
    if armed.name == "body" and armed.arg("empty") != "error":
        text = armed.arg("empty")
        return Answer(body=b"" if text == "empty" else text.encode(), headers=[JSON])
    return None


def _bodied(armed: Armed) -> Answer:
    status, kind = int(armed.number("status", 503)), armed.named["body"]
    if kind == "html":
        return html(status, "Error")
    if kind == "text":
        return Answer(
            status=status, body=b"upstream connect error", headers=[(b"content-type", b"text/plain")]
        )
    if kind == "empty":
        return Answer(status=status)
    raise BadFault(f"{armed.spec}: body is json, html, text or empty")


def travel(armed: Armed, answer: Answer) -> Answer | None:
    """The same answer, arriving badly; None for a fault that is about something else."""
    if armed.name == "content_type":
        answer = answer.without(b"content-type")
        answer.headers.append((b"content-type", armed.arg("text/plain").encode()))
    elif armed.name == "gzip":
        packed = gzip.compress(answer.body, mtime=0)
        answer.body = packed[: len(packed) // 2] + b"\xff" * 64
        answer.headers.append((b"content-encoding", b"gzip"))
    elif armed.name == "truncate":
        if armed.named.get("length", "right") == "wrong":
            answer.manner = Manner.SHORT
        else:
            answer.body = answer.body[: len(answer.body) // 2]
    elif armed.name == "reset":
        answer.manner = _reset_manner(armed)
    elif armed.name == "drip":
        answer.manner = Manner.DRIP
    else:
        return None
    return answer


def _reset_manner(armed: Armed) -> Manner:
    try:
        return {"before": Manner.RESET_BEFORE, "after": Manner.RESET_AFTER, "mid": Manner.RESET_MID}[
            armed.arg("before")
        ]
    except KeyError:
        raise BadFault(f"{armed.spec}: choose before, after or mid") from None


def odd_dates(row: Row, number: int) -> Row:
    """The row with its dates in forms that are seen: no zone, milliseconds, fractions, null."""
    forms: tuple[Callable[[float], Any], ...] = (
        lambda at: datetime.fromtimestamp(at, UTC).isoformat()[:19],
        lambda at: int(at * 1000),
        lambda at: (datetime.fromtimestamp(at, UTC) + timedelta(microseconds=123456)).isoformat(),
        lambda _at: None,
    )
    form = forms[number % len(forms)]
    return {key: form(parse_iso(value)) if _is_stamp(value) else value for key, value in row.items()}


def _is_stamp(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 24 and value.endswith(".000Z")


def older(row: Row, **changed: Any) -> Row:
    """A copy of the row as it may have been an hour before its last change."""
    return {**row, **changed, "lastUpdated": iso(parse_iso(row["lastUpdated"]) - 3600)}


def reshaped(armed: Armed, rows: list[Any], *, broken: Callable[[Row], Any]) -> list[Any] | None:
    """The rows of one page, some of them damaged; None for a fault that is about something else."""
    if armed.name == "dates":
        return [odd_dates(row, number) for number, row in enumerate(rows)]
    if armed.name == "page_rows":
        wanted = int(armed.number("rows", 100_000))
        return [
            _clone(rows[n % len(rows)], n) if n >= len(rows) else rows[n]
            for n in range(wanted if rows else 0)
        ]
    damage: dict[str, Callable[[Row], Any]] = {
        "rows_without_id": lambda row: {key: row[key] for key in row if key not in ("id", "_id")},
        "null_rows": lambda _row: None,
        "bad_row": broken,
    }
    if armed.name not in damage:
        return None
    count = min(len(rows), int(armed.number("rows", 1)))
    chosen = set(random.Random(armed.name).sample(range(len(rows)), count))
    armed.memory["touched"] = [rows[n]["id"] for n in sorted(chosen)]
    return [damage[armed.name](row) if n in chosen else row for n, row in enumerate(rows)]


def _clone(row: Row, number: int) -> Row:
    # another person of the same looks: the id ends in the number of the row
    ids = {key: row[key] for key in ("id", "_id") if key in row}
    return {**row, **{key: type(was)(f"{str(was)[:-6]}{number:06d}") for key, was in ids.items()}}
