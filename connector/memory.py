"""How the collector of garbage goes about in a process that serves."""

from __future__ import annotations

import gc

COLLECT_AFTER = 10_000
"""Objects made before the youngest are looked through; a batch of a pull makes thousands that end with it."""


def settle() -> None:
    """What is loaded by now stays: let no collection of garbage walk through it over and over again.

    That walk was a tenth of the CPU time of a first pull, and looking after every 700 objects for
    cycles that are not there another twentieth.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
