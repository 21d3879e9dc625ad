"""Requests and answers on the wire, including answers that break off, crawl or never come."""

import asyncio
import os
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")
HTML = (b"content-type", b"text/html; charset=UTF-8")
DRIP_PAUSE_S = 1.0


class Manner(StrEnum):
    """How an answer travels."""

    WHOLE = "whole"
    HANG = "hang"
    DRIP = "drip"
    RESET_BEFORE = "before"
    RESET_AFTER = "after"
    RESET_MID = "mid"
    SHORT = "short"
    VERBATIM = "verbatim"


@dataclass(slots=True, kw_only=True)
class Answer:
    """One HTTP answer; Date and Server are added by whoever speaks for the vendor."""

    status: int = 200
    body: bytes = b""
    headers: Headers = field(default_factory=list)
    manner: Manner = Manner.WHOLE

    def without(self, *names: bytes) -> "Answer":
        """The same answer less these headers."""
        kept = [(name, value) for name, value in self.headers if name not in names]
        return Answer(status=self.status, body=self.body, headers=kept, manner=self.manner)


@dataclass(kw_only=True)
class Request:
    """One HTTP request, decoded as far as somebody asks."""

    method: str
    path: str
    query: bytes
    headers: dict[bytes, bytes]
    body: bytes = b""

    @cached_property
    def args(self) -> dict[str, str]:
        """The query parameters, the last one of a name."""
        return dict(parse_qsl(self.query.decode("latin-1"), keep_blank_values=True))

    @cached_property
    def form(self) -> dict[str, str]:
        """The fields of a urlencoded body."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    @property
    def host(self) -> str:
        """The Host header."""
        return self.headers.get(b"host", b"").decode("latin-1")


async def read_request(scope: Scope, receive: Receive) -> Request:
    """The request of this scope; the body is read only where there may be one."""
    body = b""
    if scope["method"] not in ("GET", "HEAD"):
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"],
        headers=dict(scope["headers"]),
        body=body,
    )


class Line:
    """The way back to the caller: sends whole answers, and breaks the connection when told to."""

    def __init__(self) -> None:
        self._open: set[Any] = set()

    async def deliver(self, answer: Answer, receive: Receive, send: Send) -> None:
        """Send this answer in its manner."""
        if answer.manner is Manner.WHOLE:
            headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await send({"type": "http.response.body", "body": answer.body})
            return
        # uvicorn hands its own bound method down, and only its transport can end a connection badly
        transport = send.__self__.transport  # type: ignore[attr-defined]
        self._open.add(transport)
        try:
            await self._misdeliver(answer, transport, receive)
        finally:
            self._open.discard(transport)

    async def _misdeliver(self, answer: Answer, transport: Any, receive: Receive) -> None:
        manner, head = answer.manner, head_of(answer)
        if manner is Manner.DRIP:
            await self._drip(head + answer.body, transport)
        elif manner in (Manner.SHORT, Manner.VERBATIM):
            # the server library would mend the length and the case of header names
            whole = len(answer.body) if manner is Manner.VERBATIM else len(answer.body) // 2
            transport.write(head + answer.body[:whole])
            transport.close()
        elif manner in (Manner.RESET_AFTER, Manner.RESET_MID):
            transport.write(
                head + (answer.body[: len(answer.body) // 2] if manner is Manner.RESET_MID else b"")
            )
            await asyncio.sleep(0.02)  # lets the bytes leave before the reset overtakes them
        if manner in (Manner.RESET_BEFORE, Manner.RESET_AFTER, Manner.RESET_MID):
            reset(transport)
        await gone(receive)

    async def _drip(self, data: bytes, transport: Any) -> None:
        for at in range(len(data)):
            if transport.is_closing():
                return
            transport.write(data[at : at + 1])
            await asyncio.sleep(DRIP_PAUSE_S)

    def cut(self) -> None:
        """Break every connection that is being kept waiting."""
        for transport in tuple(self._open):
            transport.abort()


def head_of(answer: Answer) -> bytes:
    """The status line and headers as bytes, for answers the server library would refuse to send."""
    lines = [
        b"HTTP/1.1 %d Simulated" % answer.status,
        *(name + b": " + value for name, value in answer.headers),
    ]
    return b"\r\n".join([*lines, b"connection: close", b"content-length: %d" % len(answer.body), b"", b""])


def reset(transport: Any) -> None:
    """End a connection with RST instead of FIN."""
    spare = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
    spare.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    spare.close()
    transport.abort()


async def gone(receive: Receive) -> None:
    """Return when the caller has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass
