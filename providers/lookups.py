"""Reads people or groups one by one by their ids, a few at a time, and keeps one's trouble to itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from providers.ahead import Ahead
from providers.failures import ENDS_THE_READ, Absent
from sync.model.errors import ConnectorError

T = TypeVar("T")


def _certainly(_absent: Absent) -> bool:
    return True


def look_each(
    ahead: Ahead,
    external_ids: Sequence[str],
    read: Callable[[str], T],
    is_gone: Callable[[Absent], bool] = _certainly,
) -> tuple[dict[str, T], frozenset[str]]:
    """What was found by id, and the ids that are gone; of an id in neither nothing is known.

    ``is_gone`` says which answer "nothing there" means that very id, and no missing path.
    """
    present: dict[str, T] = {}
    gone: set[str] = set()
    ended: list[ConnectorError] = []

    def look(external_id: str) -> None:
        if ended:
            return
        try:
            present[external_id] = read(external_id)
        except Absent as absent:
            if is_gone(absent):
                gone.add(external_id)
        except ENDS_THE_READ as end:
            ended.append(end)
        except ConnectorError:
            return  # nothing is known of this one

    ahead.each(look, list(dict.fromkeys(external_ids)))
    return present, frozenset(gone)
