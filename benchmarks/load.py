"""A small load generator: keep-alive connections that send prepared requests, one after the other.

It only looks for the status and the end of each answer, so that it costs less than any server.
"""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

Supply = Callable[[int], bytes | None]
"""The next request of a connection (by its number); None when there is nothing more to send."""

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_LAST_CHUNK = b"\r\n0\r\n\r\n"
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server to load: its port and the process that answers there, for its CPU time."""

    port: int
    pid: int

    def cpu_s(self) -> float:
        """CPU seconds the process has used, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * _TICK_S

    def resident_mib(self) -> float:
        lines = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", lines)
        return round(int(found.group(1)) / 1024, 1) if found else 0.0


def request(method: str, path: str, *, body: bytes = b"", token: str = "") -> bytes:
    """A request as it goes over the wire."""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n"
    if token:
        head += f"Authorization: Bearer {token}\r\n"
    if body:
        head += f"Content-Type: application/scim+json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


class _Client(asyncio.Protocol):
    def __init__(self, number: int, supply: Supply, until: float, expected: Collection[int]) -> None:
        self.number, self.supply, self.until, self.expected = number, supply, until, expected
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.times: list[float] = []
        self.wrong: list[bytes] = []
        self._buffer = b""
        self._missing = 0
        self._chunked = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._send()

    def _send(self) -> None:
        sent = self.supply(self.number) if time.perf_counter() < self.until else None
        if sent is None:
            self.transport.close()
            return
        self.began = time.perf_counter()
        self.transport.write(sent)

    def data_received(self, data: bytes) -> None:
        if self._chunked:
            self._buffer = self._buffer[-8:] + data
            self._chunked = not self._buffer.endswith(_LAST_CHUNK)
            self._buffer = self._buffer if self._chunked else b""
        elif self._missing:
            self._missing -= len(data)
        else:
            self._buffer += data
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            length = _LENGTH.search(self._buffer, 0, end)
            if length:
                self._missing = end + 4 + int(length.group(1)) - len(self._buffer)
            elif b"chunked" in self._buffer[:end]:
                self._chunked = not self._buffer.endswith(_LAST_CHUNK)
            if int(self._buffer[9:12]) not in self.expected:
                self.wrong.append(self._buffer[:400])
            self._buffer = b""
        if self._missing == 0 and not self._chunked:
            self.times.append(time.perf_counter() - self.began)
            self._send()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


def load(
    target: Target, supply: Supply, *, seconds: float, clients: int, expected: Collection[int] = (200,)
) -> dict[str, Any]:
    """Requests per second, latencies, and the server's CPU time for each request."""

    async def run() -> list[_Client]:
        loop, until = asyncio.get_running_loop(), time.perf_counter() + seconds
        made = [
            (
                await loop.create_connection(
                    lambda n=n: _Client(n, supply, until, expected),  # type: ignore[misc]
                    "127.0.0.1",
                    target.port,
                )
            )[1]
            for n in range(clients)
        ]
        await asyncio.gather(*(client.done for client in made))
        return made

    began, cpu = time.perf_counter(), target.cpu_s()
    made = uvloop.run(run())
    passed, used = time.perf_counter() - began, target.cpu_s() - cpu
    times = sorted(taken for client in made for taken in client.times)
    wrong = [answer for client in made for answer in client.wrong]
    if wrong or not times:
        raise SystemExit(f"{len(wrong)} of {len(times)} answers are wrong, first: {wrong[:1]}")
    return {
        "per_s": round(len(times) / passed),
        "p50_ms": round(statistics.median(times) * 1000, 2),
        "p99_ms": round(times[int(len(times) * 0.99)] * 1000, 2),
        "cpu_us": round(used / len(times) * 1e6),
        "requests": len(times),
    }
