"""OneLogin's pages: bare arrays with eight headers on v2, envelopes with cursors on v1."""

import base64
import binascii
from collections.abc import Callable
from urllib.parse import parse_qs

from providers.simulator import onelogin_objects as objects
from providers.simulator.calls import Refusal, Visit
from providers.simulator.memory import Memory
from providers.simulator.wire import JSON, Answer, Headers

LIMIT_V1 = 50
PAGING = frozenset({"limit", "page", "cursor"})
BOTH = "Requests can only have cursor xor pagination arguments"


def pack(limit: int, page: int) -> str:
    """A cursor: a page number in disguise."""
    return base64.b64encode(f"limit={limit}&sort=id&page={page}&sort_direction=asc".encode()).decode()


def unpack(cursor: str) -> tuple[int, int]:
    """Limit and page of a cursor. Refusal for one that was never handed out."""
    try:
        told = parse_qs(base64.b64decode(cursor, validate=True).decode())
        return int(told["limit"][0]), int(told["page"][0])
    except (binascii.Error, UnicodeDecodeError, ValueError, KeyError):
        raise Refusal(objects.described_error(400, "BadRequestError", "Invalid pagination cursor")) from None


def window(args: dict[str, str], default: int, most: int) -> tuple[int, int]:
    """Limit and page of a request to v2."""
    if "cursor" in args:
        if "limit" in args or "page" in args:
            raise Refusal(objects.described_error(400, "BadRequestError", BOTH))
        return unpack(args["cursor"])
    try:
        limit, page = int(args.get("limit", default)), int(args.get("page", 1))
    except ValueError:
        raise Refusal(objects.named_error(400, "BadRequestError", "limit and page are numbers")) from None
    return max(1, min(limit, most)), max(1, page)


def v2(
    visit: Visit,
    memory: Memory,
    ids: Callable[[], tuple[list[str], int]],
    row: Callable[[str], bytes],
    bounds: tuple[int, int],
) -> Answer:
    """One page of a list; ``ids`` gives what is shown, and how many there are."""
    limit, page = window(visit.request.args, *bounds)
    key = (visit.request.path, visit.request.query)

    def make() -> tuple[bytes, tuple[int, int]]:
        shown, total = ids()
        chunk = shown[(page - 1) * limit : page * limit]
        return b"[" + b",".join(map(row, chunk)) + b"]", (len(chunk), total)

    body, (items, total) = memory.page(key, make)
    return Answer(body=body, headers=[JSON, *_headers(visit, limit, page, items, total)])


def _headers(visit: Visit, limit: int, page: int, items: int, total: int) -> Headers:
    pages = max(1, -(-total // limit))
    told = {
        "current-page": page,
        "page-items": items,
        "total-count": total,
        "total-pages": pages,
        "link": f'<http://{visit.request.host}/api/v5{visit.request.path[6:]}?page={page + 1}>; rel="next"',
        "cursor": pack(limit, page),
    }
    if page > 1:
        told["before-cursor"] = pack(limit, page - 1)
    if page < pages:
        told["after-cursor"] = pack(limit, page if visit.repeats_cursor else page + 1)
    return [(name.encode(), str(value).encode()) for name, value in told.items()]


def v1(visit: Visit, rows: list[dict[str, object]]) -> Answer:
    """One page of an envelope; the cursor may be sent empty, and the last page has none."""
    args = visit.request.args
    limit = min(LIMIT_V1, int(args["limit"])) if args.get("limit", "").isdecimal() else LIMIT_V1
    start = unpack(args["after_cursor"])[1] if args.get("after_cursor") else 0
    end = start + max(1, limit)
    after = pack(limit, end) if end < len(rows) else None
    return objects.envelope(rows[start:end], after=after)
