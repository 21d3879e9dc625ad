"""The feed's long-poll: whoever waits for events holds neither a thread nor a connection to the database.

While anybody waits, the process asks the database every tenth of a second for the newest number, once
for all who wait. That finds the events of every replica, and costs a reader of an index. A NOTIFY by
each writer would find them sooner and make PostgreSQL commit one writer after the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from starlette.concurrency import run_in_threadpool

from connector.app import App
from sync.model.errors import ConnectorError

LOOK_S: Final = 0.1
WAIT_MAX_S: Final = 60
"""Proxies between us and the reader give up not much later."""


class Feed:
    """One process's readers of the feed. Once ``stopping`` is true nobody waits any more."""

    def __init__(self, app: App, *, stopping: Callable[[], bool]) -> None:
        self._app, self._stopping = app, stopping
        self._waiting: dict[asyncio.Future[None], int] = {}
        self._looking: asyncio.Task[None] | None = None

    async def page(
        self, *, after: int, limit: int, types: Sequence[str] | None = None, wait_s: float = 0
    ) -> dict[str, Any]:
        """Events behind ``after``; when there are none yet, those that come within ``wait_s``."""
        clock = asyncio.get_running_loop().time
        ends_at = clock() + wait_s
        while True:
            page = await run_in_threadpool(self._app.people.events, after=after, limit=limit, types=types)
            left_s = ends_at - clock()
            if page["events"] or left_s <= 0 or self._stopping():
                return page
            after = page["next"]
            await self._newer(after, left_s)

    async def _newer(self, after: int, limit_s: float) -> None:
        """Until the feed has something behind ``after``, the time is over, or the program stops."""
        found = asyncio.get_running_loop().create_future()
        self._waiting[found] = after
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            await asyncio.wait_for(found, limit_s)
        except TimeoutError:
            return
        finally:
            self._waiting.pop(found, None)

    async def _look(self) -> None:
        try:
            while self._waiting:
                newest = await run_in_threadpool(self._app.people.last_sequence)
                self._wake(self._waiting if self._stopping() else _behind(self._waiting, newest))
                await asyncio.sleep(LOOK_S)
        except ConnectorError:
            # Each of them reads for itself now, and hears what is wrong with the database.
            self._wake(self._waiting)

    def _wake(self, chosen: Iterable[asyncio.Future[None]]) -> None:
        for each in chosen:
            if not each.done():
                each.set_result(None)


def _behind(waiting: Mapping[asyncio.Future[None], int], newest: int) -> list[asyncio.Future[None]]:
    return [each for each, after in waiting.items() if after < newest]
