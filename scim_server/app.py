"""The ASGI application: reads a request, lets the engine work on it, writes SCIM whatever happens."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from scim_server import routes
from scim_server.auth import admitted, bearer
from scim_server.errors import ScimError, from_engine
from scim_server.exchange import CONTENT_TYPE, MAX_BODY_BYTES, Answer, Call, Request
from sync.model.errors import ConnectorError
from sync.model.session import Gateway

T = TypeVar("T")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One request and how it ended, for logs and counters; ``quirks`` are the leniencies it needed.

    ``settings`` are those of the connection when its token opened it, else empty.

    ``request.headers`` holds the token and ``request.body`` personal data: redact before keeping.
    """

    request: Request
    answer: Answer
    seconds: float
    quirks: tuple[str, ...]
    settings: Mapping[str, Any]


MOUNT = "/scim/v2"


def scim_app(
    gateway: Gateway,
    public_url: Callable[[], str] | str,
    *,
    mount: str = MOUNT,
    cursor_key: bytes | None = None,
    observe: Callable[[Served], None] | None = None,
) -> ASGIApp:
    """The SCIM endpoint of all connections, mounted at ``mount``; paths are ``/{connection_id}/Users/…``.

    ``public_url`` is the address clients reach the program at, without ``mount``. ``cursor_key`` signs
    paging cursors (up to 64 bytes); replicas behind one address need the same. ``observe`` is called
    after each answer and must not wait for anything.
    """
    key = cursor_key or secrets.token_bytes(32)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"the SCIM endpoint speaks HTTP only, not {scope['type']}")
        request = await _read(scope, receive, mount)
        root = (public_url if isinstance(public_url, str) else public_url()).rstrip("/")
        asked = Asked(request=request, base=f"{root}{mount}/{request.connection_id}", cursor_key=key)
        began = time.perf_counter()
        given = await _answered(gateway, asked)
        seconds = time.perf_counter() - began
        await _write(send, given, with_body=request.method != "HEAD")
        if observe is not None:
            observe(
                Served(
                    request=request,
                    answer=given,
                    seconds=seconds,
                    quirks=tuple(asked.notes),
                    settings=asked.settings,
                )
            )

    return app


def with_scim(scim: ASGIApp, others: ASGIApp, mount: str = MOUNT) -> ASGIApp:
    """One app of two: ``scim`` for every path under ``mount``, ``others`` for the rest and for the lifespan.

    By plain prefix: a router's patterns do not match every path (a line break in it is enough), and
    what they miss would be answered without a SCIM body.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        is_scim = scope["type"] == "http" and scope["path"].startswith(f"{mount}/")
        await (scim if is_scim else others)(scope, receive, send)

    return app


@dataclass(slots=True, kw_only=True)
class Asked:
    """A request on its way: ``notes`` collects the leniencies it needs, ``settings`` come with its token."""

    request: Request
    base: str
    cursor_key: bytes
    notes: list[str] = field(default_factory=list)
    settings: Mapping[str, Any] = field(default_factory=dict)


async def _answered(gateway: Gateway, asked: Asked) -> Answer:
    """The answer, whatever happens."""
    try:
        return await _answer(gateway, asked)
    except ScimError as error:
        return Answer.from_error(error)
    except ConnectorError as error:
        return Answer.from_error(from_engine(error))
    except Exception:  # noqa: BLE001 - the outermost edge: SCIM for the client, the log for us, whatever broke
        _log.exception("SCIM request failed: %s %s", asked.request.method, "/".join(asked.request.path))
        return Answer.from_error(ScimError(500, "The server failed; its log says why. Try again later."))


async def _answer(gateway: Gateway, asked: Asked) -> Answer:
    request = asked.request
    public = routes.public_answer(request, asked.base)
    if public is not None:
        return public
    token = bearer(request)
    access = gateway.known(request.connection_id, token)
    if access is None:
        access = await _done(
            gateway, lambda: gateway.authenticate(request.connection_id, token), writes=False, is_short=True
        )
    call = Call(
        request=request,
        gateway=gateway,
        access=admitted(access),
        base=asked.base,
        cursor_key=asked.cursor_key,
        notes=asked.notes,
    )
    asked.settings = call.access.settings
    return await _done(
        gateway,
        lambda: routes.answer(call),
        writes=routes.writes(request),
        is_short=routes.is_short(request),
    )


async def _done(gateway: Gateway, work: Callable[[], T], *, writes: bool, is_short: bool) -> T:
    if gateway.is_at_once(writes=writes, is_short=is_short):
        return work()
    return await asyncio.wrap_future(gateway.start(work, writes=writes, is_short=is_short))


async def _read(scope: Scope, receive: Receive, mount: str) -> Request:
    # Whether a router took the mount off (it then stands in root_path) or not, it is no part of our path.
    path: str = scope["path"].removeprefix(scope.get("root_path", "")).removeprefix(mount)
    connection_id, _, rest = path.lstrip("/").partition("/")
    return Request(
        method=scope["method"].upper(),
        connection_id=connection_id,
        path=rest.split("/") if rest else [],
        query=scope["query_string"].decode("latin-1"),
        headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
        body=await _read_body(receive),
    )


async def _read_body(receive: Receive) -> bytes | None:
    """The body, None when it is larger than we take; the rest of it is not kept."""
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            return None
        chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks)


async def _write(send: Send, given: Answer, *, with_body: bool) -> None:
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in given.headers.items()
    ]
    if given.body:
        headers.append((b"content-type", CONTENT_TYPE.encode()))
    if given.status not in {204, 304}:
        headers.append((b"content-length", str(len(given.body)).encode()))
    await send({"type": "http.response.start", "status": given.status, "headers": headers})
    await send({"type": "http.response.body", "body": given.body if with_body else b""})
