"""The edges of the wire: TLS settings, which addresses are accepted, and what a broken line means."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterator
from functools import cache
from urllib.parse import urlsplit

import httpx

from providers.failures import TooSlow
from sync.model.errors import ConnectorError, Misconfigured, Transient


@cache
def tls() -> ssl.SSLContext:
    """The one TLS context of the process: making it costs more than a hundred requests."""
    return httpx.create_ssl_context(trust_env=False)


def checked_origin(url: str, key: str = "base_url") -> str:
    """Scheme, host and port of ``url``; raises Misconfigured naming ``key`` when it cannot be used."""
    try:
        parts = urlsplit(url.strip())
        port = f":{parts.port}" if parts.port else ""
    except ValueError as error:
        raise Misconfigured(f"{key}: {url!r} is not a web address ({error}).") from error
    host = parts.hostname
    if parts.scheme not in {"https", "http"} or not host:
        raise Misconfigured(f"{key}: {url!r} is not a web address; write it as https://host.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise Misconfigured(f"{key}: the address must hold the host alone, without user, query or fragment.")
    if parts.scheme == "http" and not is_loopback(host):
        raise Misconfigured(f"{key}: use https for {host}; plain http is accepted for this machine only.")
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def is_loopback(host: str) -> bool:
    """True for this machine's own addresses and names."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def broken_line(error: httpx.HTTPError, host: str, what: str) -> tuple[ConnectorError, bool]:
    """The error for a request that got no answer, and whether another try may help."""
    causes = list(_causes(error))
    if any(_is_distrust(cause) for cause in causes):
        return Misconfigured(
            f"{host} has no TLS certificate this machine trusts, so nothing was sent. "
            "Check the address, and any proxy that opens TLS in between."
        ), False
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return Transient(
            f"The name {host} cannot be resolved. Check the address and this machine's DNS."
        ), True
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        why = (
            "refuses connections"
            if any(isinstance(c, ConnectionRefusedError) for c in causes)
            else "is out of reach"
        )
        return Transient(f"{host} {why}. Check the address, the port and the firewall between."), True
    if isinstance(error, httpx.TimeoutException):
        return TooSlow(f"{host} did not answer for {what} in time; the next run tries again."), True
    if isinstance(error, httpx.DecodingError):
        return Transient(f"{host} sent {what} with broken compression; the next run tries again."), True
    return Transient(f"{host} broke off the connection while sending {what}; the next run tries again."), True


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _is_distrust(cause: BaseException) -> bool:
    """An interrupted TLS handshake is a broken line; any other TLS error will not go away by itself."""
    return isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError)
