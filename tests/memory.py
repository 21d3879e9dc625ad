"""Gives memory back that a test took much of, so that a worker stays small.

A directory of a hundred thousand people takes most of a gigabyte; freed in small pieces, it stays with
the process unless the C library is asked for it.
"""

import ctypes
import ctypes.util
import gc
import os
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

_STATM = Path("/proc/self/statm")
_MUCH_BYTES = 200 << 20


def _trim() -> Callable[[int], int] | None:
    """The C library's way of giving back; None elsewhere."""
    name = ctypes.util.find_library("c") if _STATM.exists() else None
    return getattr(ctypes.CDLL(name), "malloc_trim", None) if name else None


_give_back = _trim()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Once nobody holds on to what the test was given any more."""
    before = _resident_bytes()
    done = yield
    if _give_back and _resident_bytes() - before > _MUCH_BYTES:
        gc.collect()
        _give_back(0)
    return done


def _resident_bytes() -> int:
    if _give_back is None:
        return 0
    return int(_STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
