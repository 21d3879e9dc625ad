"""A webhook receiver that is never the bottleneck: answers, counts, and tells when the last one came."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from typing import Any

import uvicorn

SLOW_S = 1.0
"""How long the slow address takes for an answer."""

COUNTED: dict[str, dict[str, float]] = {}


async def receive(scope: dict[str, Any], take: Any, send: Any) -> None:
    path = scope["path"]
    while scope["method"] == "POST" and (await take()).get("more_body"):
        pass
    if scope["method"] == "GET":
        body, status = json.dumps(COUNTED).encode(), 200
    else:
        body, status, now = b"", 204, time.time()
        seen = COUNTED.setdefault(path, {"calls": 0, "first_at": now, "last_at": now})
        seen["calls"], seen["last_at"] = seen["calls"] + 1, now
        if path == "/slow":
            await asyncio.sleep(SLOW_S)
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        print(listener.getsockname()[1], flush=True)
        config = uvicorn.Config(receive, loop="uvloop", http="httptools", lifespan="off", log_config=None)
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    sys.exit(main())
