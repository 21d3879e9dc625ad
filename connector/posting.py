"""Calling webhook addresses: which may be called at all, the signature, and one POST with its limits.

An address is looked at twice: as it is written, and again when its name has been resolved. What
was looked at is what is connected to, so a name that resolves differently a moment later gains
nothing. Redirects are not followed.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import SplitResult, urlsplit

import httpx

from providers.deadline import watched_transport, within
from providers.transport import tls
from sync.model.errors import Misconfigured

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
"""Host and port to addresses; raises OSError when there are none."""

ANSWER_BYTES: Final = 4096
"""How much of an answer is read; nobody needs more to know what went wrong."""

ADDRESSES: Final = 3
"""Of a name's addresses so many are tried, one after the other, until one accepts a connection."""

ERROR_CHARS: Final = 300
URL_CHARS: Final = 2000

_METADATA: Final = frozenset(
    ipaddress.ip_address(text)
    for text in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")
)
"""Where clouds tell machines their credentials."""

_NUMBERS: Final = re.compile(r"([0-9a-z-]+\.)*(0x[0-9a-f]*|[0-9]+)")
"""A host whose last label is a number is an address, never a name (no top-level domain is one)."""

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one POST came to: a status, or the sentence why there is none."""

    status: int | None = None
    error: str | None = None
    retry_after_s: float | None = None

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def system_resolve(host: str, port: int) -> list[str]:
    """The addresses the machine's own resolver gives, in its order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def signed(keys: Sequence[str], event_id: str, at: datetime, body: str) -> dict[str, str]:
    """The headers of Standard Webhooks; one signature per key, so that old and new secrets both verify."""
    from standardwebhooks import Webhook

    signatures = " ".join(Webhook(key).sign(event_id, at, body) for key in keys)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signatures,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Poster:
    """Calls addresses by one set of rules.

    ``timeout_s`` bounds a call, and half as much again the wait for a connection; ``trust`` gives the
    TLS context.
    """

    allow_private: bool = False
    timeout_s: float = 15.0
    resolve: Resolve = system_resolve
    trust: Callable[[], ssl.SSLContext] = tls

    def check(self, url: str) -> None:
        """Raises Misconfigured when the address, as it is written, must not be called."""
        parts = _parts(url)
        if parts.scheme == "http" and not self.allow_private:
            raise Misconfigured(
                f"{url}: use https; plain http is for private networks, when webhooks.allow_private is true"
            )
        host = _host(parts)
        address = _literal(host)
        if address is not None:
            self._check_address(address, parts)
        elif _is_local_name(host) and not self.allow_private:
            raise Misconfigured(_private(host, "this machine"))

    @contextmanager
    def line(self, url: str, *, connections: int = 1) -> Iterator[Line]:
        """A line to the address, its name resolved and looked at now; use it for seconds, not hours."""
        try:
            parts, addresses = self._resolved(url)
        except Misconfigured as error:
            yield Line(url=url, refusal=error.message, timeout_s=self.timeout_s)
            return
        transport = watched_transport(self.trust(), connections=connections)
        limits = httpx.Timeout(self.timeout_s, connect=self.timeout_s / 2 / ADDRESSES)
        with httpx.Client(transport=transport, trust_env=False, timeout=limits) as client:
            targets = tuple(_target(parts, address) for address in addresses[:ADDRESSES])
            yield Line(url=url, client=client, targets=targets, parts=parts, timeout_s=self.timeout_s)

    def _resolved(self, url: str) -> tuple[SplitResult, list[Address]]:
        self.check(url)
        parts = _parts(url)
        host = _host(parts)
        literal = _literal(host)
        if literal is not None:
            return parts, [literal]
        try:
            addresses = [
                ipaddress.ip_address(text.partition("%")[0]) for text in self.resolve(host, _port(parts))
            ]
        except (OSError, UnicodeError) as error:
            raise Misconfigured(f"the name {host} cannot be resolved; check the address and DNS") from error
        for address in addresses:
            self._check_address(address, parts)
        return parts, addresses

    def _check_address(self, address: Address, parts: SplitResult) -> None:
        host = _host(parts)
        named = str(address) if host == str(address) else f"{host} ({address})"
        kind = _kind(address)
        if kind == "public":
            if parts.scheme == "http":
                raise Misconfigured(f"{named}: use https; plain http is for private networks only")
        elif kind != "private":
            raise Misconfigured(f"{named} is {kind} and is never called; give another address")
        elif not self.allow_private:
            raise Misconfigured(_private(named, "a private network"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A way to one address for some calls; it may be used by several threads."""

    url: str
    timeout_s: float
    refusal: str | None = None
    client: httpx.Client | None = None
    targets: tuple[str, ...] = ()
    parts: SplitResult = field(default_factory=lambda: urlsplit(""))

    def post(self, body: str, headers: dict[str, str]) -> Answer:
        """One POST; whatever goes wrong is in the answer, nothing is raised."""
        if self.client is None:
            return Answer(error=self.refusal)
        request_headers = headers | {
            "host": _netloc(self.parts),
            "content-type": "application/json",
            "user-agent": "directory-connector",
            "accept-encoding": "identity",
        }
        answer = Answer(error="the name has no address")
        for target in self.targets:
            try:
                with within(self.timeout_s):
                    return self._call(self.client, target, body, request_headers)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                answer = Answer(error=_broken(error, self.parts.hostname or "", self.timeout_s))
            except httpx.HTTPError as error:
                return Answer(error=_broken(error, self.parts.hostname or "", self.timeout_s))
        return answer

    def _call(self, client: httpx.Client, target: str, body: str, headers: dict[str, str]) -> Answer:
        # The certificate is asked for, and checked against, the name and not the number.
        extensions = {"sni_hostname": _host(self.parts).rstrip(".")} if self.parts.scheme == "https" else {}
        request = client.build_request(
            "POST", target, content=body.encode(), headers=headers, extensions=extensions
        )
        response = client.send(request, stream=True, follow_redirects=False)
        try:
            said = _beginning(response)
        finally:
            response.close()
        if 200 <= response.status_code < 300:
            return Answer(status=response.status_code)
        return Answer(
            status=response.status_code,
            error=_refused(response.status_code, said),
            retry_after_s=_retry_after_s(response.headers),
        )


def _beginning(response: httpx.Response) -> str:
    """The first bytes of the answer as text. Once there is a status, a body that breaks off is no matter."""
    said = b""
    with suppress(httpx.HTTPError):
        for chunk in response.iter_raw(1024):
            said += chunk
            if len(said) >= ANSWER_BYTES:
                break
    return " ".join(said[:ANSWER_BYTES].decode("utf-8", "replace").split())


def _refused(status: int, said: str) -> str:
    if 300 <= status < 400:
        return f"answered {status}: redirects are not followed; give the address it leads to"
    return f"answered {status}: {said}"[:ERROR_CHARS] if said else f"answered {status}"


def _retry_after_s(headers: httpx.Headers) -> float | None:
    """Retry-After in seconds, given as such or as a date (RFC 9110 §10.2.3); None when it is neither."""
    text = headers.get("retry-after", "").strip()
    if text.isdigit():
        return float(text)
    try:
        at, since = parsedate_to_datetime(text), parsedate_to_datetime(headers.get("date", ""))
        return max(0.0, (at - since).total_seconds())
    except (ValueError, TypeError):
        return None


def _broken(error: httpx.HTTPError, host: str, timeout_s: float) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"{host} has no TLS certificate this machine trusts; nothing was sent"
        if isinstance(cause, ConnectionRefusedError):
            return f"{host} refuses connections"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.TimeoutException):
        return f"{host} did not answer within {timeout_s:g} s"
    if isinstance(error, httpx.ConnectError):
        return f"{host} is out of reach"
    return f"{host} broke off the connection"


def _parts(url: str) -> SplitResult:
    """The address taken apart. Raises Misconfigured when it is none a webhook can have."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"https", "http"} and bool(_host(parts)) and _port(parts) > 0
    except ValueError:
        usable = False
    if not usable or len(url) > URL_CHARS or any(sign <= " " or sign == "\x7f" for sign in url):
        raise Misconfigured(f"{url!r} is not a web address; write it as https://host/path")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise Misconfigured("the address must hold neither user, password nor fragment (#…)")
    return parts


def _port(parts: SplitResult) -> int:
    return parts.port if parts.port is not None else (443 if parts.scheme == "https" else 80)


def _target(parts: SplitResult, address: Address) -> str:
    host = f"[{address}]" if address.version == 6 else str(address)
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{host}:{_port(parts)}{parts.path or '/'}{query}"


def _host(parts: SplitResult) -> str:
    """The host as it goes over the wire: in ASCII, as DNS, TLS and HTTP have it. Raises ValueError."""
    host = parts.hostname or ""
    return host if host.isascii() else host.encode("idna").decode("ascii")


def _netloc(parts: SplitResult) -> str:
    host = _host(parts).rstrip(".")
    named = f"[{host}]" if ":" in host else host
    return named if parts.port is None else f"{named}:{parts.port}"


def _literal(host: str) -> Address | None:
    """The address that is written as a number, in any form the system's resolver takes for one.

    ``2130706433``, ``0x7f.1`` and ``0177.0.0.1`` are 127.0.0.1 to it (inet_aton); a zone names one of
    this machine's interfaces, and a final dot the root of DNS.
    """
    plain = host.partition("%")[0].rstrip(".")
    try:
        return ipaddress.ip_address(plain)
    except ValueError:
        pass
    if not _NUMBERS.fullmatch(plain):
        return None
    try:
        return ipaddress.IPv4Address(socket.inet_aton(plain))
    except OSError as error:
        raise Misconfigured(f"{host} is neither an address nor a name; write https://host/path") from error


def _is_local_name(host: str) -> bool:
    name = host.rstrip(".").lower()
    return name == "localhost" or name.endswith(".localhost")


def _private(named: str, where: str) -> str:
    return f"{named} is on {where}; set webhooks.allow_private to true when webhooks may go there"


def _kind(address: Address) -> str:
    """``public``, ``private`` (loopback too), or what makes the address one that is never called."""
    inner = _embedded(address)
    if inner is not None:
        return _kind(inner)
    if address in _METADATA:
        return "a cloud's metadata address"
    if address.is_link_local:
        return "a link-local address"
    if address.is_loopback:
        return "private"
    if address.is_multicast or address.is_unspecified or address.is_reserved:
        return "no single machine's address"
    return "public" if address.is_global else "private"


def _embedded(address: Address) -> Address | None:
    """The IPv4 address inside an IPv6 one that leads to it."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)
