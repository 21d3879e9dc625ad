"""A server that ends at once when it is told to: a test starts and ends several."""

import asyncio
import socket
from contextlib import suppress

import uvicorn

_CLOSING_LOOKS_S = 0.002


class PromptServer(uvicorn.Server):
    """Uvicorn looks ten times a second whether it should end, and then ten times whether it has ended."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._told = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def end(self) -> None:
        """From any thread: answer what is under way, and end."""
        self.should_exit = True
        if self._loop is not None:
            with suppress(RuntimeError):  # its loop is over already
                self._loop.call_soon_threadsafe(self._told.set)

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        if not await self.on_tick(0):
            await self._told.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        try:
            await asyncio.wait_for(self._all_is_answered(), self.config.timeout_graceful_shutdown)
        except TimeoutError:
            for task in self.server_state.tasks:
                task.cancel()
        await self.lifespan.shutdown()

    async def _all_is_answered(self) -> None:
        while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110 - they ring no bell
            await asyncio.sleep(_CLOSING_LOOKS_S)
        for server in self.servers:
            await server.wait_closed()
