"""What a simulated IdP has rendered before: rows, pages and lists, until what they show changes."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")

CACHE_BYTES = 256 * 1024 * 1024


class Memory:
    """Rendering costs more than all else a simulator does; the same question gets the same bytes."""

    def __init__(self) -> None:
        self._rows: dict[Hashable, dict[str, tuple[Any, bytes]]] = {}
        self._pages: dict[Hashable, tuple[bytes, Any]] = {}
        self._pages_bytes = 0
        self._lists: dict[Hashable, list[str]] = {}
        self._known: Hashable = None

    def refresh(self, known: Hashable, *, is_stable: bool = True) -> None:
        """Forget pages and lists when ``known``, which stands for all they show, is another."""
        if known != self._known or not is_stable:
            self._known = known
            self._pages.clear()
            self._lists.clear()
            self._pages_bytes = 0

    def rows(
        self, kind: Hashable, stamp: Callable[[str], Any], render: Callable[[str], bytes]
    ) -> Callable[[str], bytes]:
        """Renders a row by its id, again only when its stamp has changed."""
        rows = self._rows.setdefault(kind, {})

        def row(ident: str) -> bytes:
            known, now = rows.get(ident), stamp(ident)
            if known is not None and known[0] == now:
                return known[1]
            made = render(ident)
            rows[ident] = (now, made)
            return made

        return row

    def page(self, key: Hashable, make: Callable[[], tuple[bytes, T]]) -> tuple[bytes, T]:
        """A page's bytes and what its headers need."""
        known = self._pages.get(key)
        if known is None:
            known = make()
            if self._pages_bytes + len(known[0]) <= CACHE_BYTES:
                self._pages[key] = known
                self._pages_bytes += len(known[0])
        return known

    def list(self, key: Hashable, make: Callable[[], list[str]]) -> list[str]:
        """The ids of a whole list."""
        known = self._lists.get(key)
        if known is None:
            known = self._lists[key] = make()
        return known
