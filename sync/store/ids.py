"""Text ids: 16 characters that sort by creation time and are never used again."""

from __future__ import annotations

import os
import threading
import time
from functools import lru_cache

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_EPOCH_MS = 1_577_836_800_000
"""2020-01-01; 40 bits of milliseconds last until 2054."""

_lock = threading.Lock()
_last = [0, 0]


def new_id() -> str:
    """A new id: 40 bits of time, 40 random bits counted up within one millisecond."""
    return new_ids(1)[0]


def new_ids(count: int) -> list[str]:
    """``count`` new ids in rising order; one lock for the whole batch."""
    with _lock:
        now_ms = max(int(time.time() * 1000) - _EPOCH_MS, _last[0])
        if now_ms != _last[0]:
            _last[0] = now_ms
            _last[1] = int.from_bytes(os.urandom(5), "big") >> 1
        first = _last[1] + 1
        _last[1] += count
    start = (now_ms << 40) + first
    return [
        _begin(number >> 20) + _PAIRS[number >> 10 & 1023] + _PAIRS[number & 1023]
        for number in range(start, start + count)
    ]


@lru_cache(maxsize=16)
def _begin(number: int) -> str:
    """The first twelve characters: ids of one batch share them."""
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(50, -1, -10)])
