"""Walking a paged list safely: Link headers, and a guard against loops, foreign hosts and endless chains."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from sync.model.errors import Incomplete

DEFAULT_PAGE_CAP = 20_000

_LINK = re.compile(r'<([^>]*)>((?:\s*;\s*[^\s=;,]+\s*(?:=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]*))?)*)')
_PARAMETER = re.compile(r';\s*([^\s=;,]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?')


def links(headers: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(relation, address) of every link in the given Link header lines (RFC 8288 section 3)."""
    for line in headers:
        for address, parameters in _LINK.findall(line):
            for name, quoted, bare in _PARAMETER.findall(parameters):
                if name.lower() == "rel":
                    for relation in (quoted or bare).lower().split():
                        yield relation, address


class PageGuard:
    """Watches one walk from its first page; every violation raises Incomplete.

    ``base_url`` is where the provider was told to read. A next link is followed only as path and
    query on that same origin, so a directory (or someone in between) cannot send us and our
    credential elsewhere.
    """

    def __init__(self, base_url: str, first: str, what: str, *, page_cap: int = DEFAULT_PAGE_CAP) -> None:
        self._origin = _origin(base_url)
        self._path = first.partition("?")[0]
        self._what = what
        self._page_cap = page_cap
        self._seen = {first}
        self._spans: set[tuple[str, str]] = set()

    def next(self, headers: Sequence[str]) -> str | None:
        """Path and query of the next page, or None at the end of the list."""
        addresses = {address for relation, address in links(headers) if relation == "next"}
        if not addresses:
            return None
        if len(addresses) > 1:
            raise self._fault("names two different next pages")
        return self.admit(addresses.pop())

    def admit(self, address: str) -> str:
        """Path and query of the next page, whose address the directory gives."""
        parts = urlsplit(address)
        if parts.netloc and _origin(address) != self._origin:
            raise self._fault(f"continues at another host ({parts.hostname}), which is refused")
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        if parts.path != self._path:
            raise self._fault(f"continues at another path ({parts.path}), which is refused")
        if target in self._seen:
            raise self._fault("leads back to a page already read")
        if len(self._seen) >= self._page_cap:
            raise self._fault(f"does not end after {self._page_cap} pages")
        self._seen.add(target)
        return target

    def saw(self, span: tuple[str, str] | None) -> None:
        """Takes note of a page's first and last id: two pages with the same are one page served twice."""
        if span is None:
            return
        if span in self._spans:
            raise self._fault("repeats a page already read")
        self._spans.add(span)

    def _fault(self, what: str) -> Incomplete:
        return Incomplete(f"The list of {self._what} {what}; the read was ended. The next run tries again.")


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    default = {"https": 443, "http": 80}.get(parts.scheme.lower())
    try:
        port = parts.port or default
    except ValueError:
        port = -1
    return parts.scheme.lower(), (parts.hostname or "").lower(), port
