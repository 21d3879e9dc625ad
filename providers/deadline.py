"""A limit on one whole HTTP answer, headers included: a server that sends a byte a second cannot hold us."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore
import httpx

_current = threading.local()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Requests of this thread, in this block, end after so many seconds in all with httpx.ReadTimeout."""
    _current.ends_at = time.monotonic() + seconds
    try:
        yield
    finally:
        _current.ends_at = None


class _Stream(httpcore.NetworkStream):
    """A socket whose reads also respect the thread's deadline."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        ends_at: float | None = getattr(_current, "ends_at", None)
        if ends_at is not None:
            left_s = ends_at - time.monotonic()
            if left_s <= 0:
                raise httpcore.ReadTimeout("the whole answer took too long")
            timeout = left_s if timeout is None else min(timeout, left_s)
        return self._stream.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore.SyncBackend):
    """Opens sockets as httpcore does, and watches them."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        return _Stream(super().connect_tcp(host, port, timeout, local_address, socket_options))


def watched_transport(context: ssl.SSLContext, *, connections: int) -> httpx.HTTPTransport:
    """Httpx's own transport over watched sockets."""
    transport = httpx.HTTPTransport(verify=context, trust_env=False)
    # httpx offers no way to hand in httpcore's public `network_backend`, so its pool is replaced.
    transport._pool = httpcore.ConnectionPool(  # noqa: SLF001
        ssl_context=context,
        max_connections=connections,
        max_keepalive_connections=connections,
        keepalive_expiry=60.0,
        network_backend=_Backend(),
    )
    return transport
