"""The SCIM endpoint under load: every operation, beside an app that does nothing on the same server.

    python -m benchmarks.scim                                  # 1,000 people on SQLite
    python -m benchmarks.scim --users 20000 --database postgresql --peer

The endpoint is the whole program, `connector serve`, one process, every write durable. ``cpu_us`` is that
process's CPU time for each request, which other work on the machine disturbs least; the database's
own process is not in it. ``--peer`` measures scim2-server (memory only) from a fresh environment.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from benchmarks import databases
from benchmarks.load import Supply, Target, load, request
from benchmarks.pull import _machine
from benchmarks.scim_seed import TOKEN, Seeded, document

GROUP_SIZES = (10, 10_000, 100_000)
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
PAGE = 100
Measured = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--users", type=int, action="append")
    parser.add_argument(
        "--database", action="append", help="sqlite, postgresql, or a PostgreSQL URL of an empty database"
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each operation is measured")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--only", action="append", help="operations to measure; all without it")
    parser.add_argument("--peer", action="store_true", help="measure scim2-server too")
    parser.add_argument("--serve-nothing", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve_nothing:
        _serve_nothing(arguments.serve_nothing)
        return
    print(json.dumps(report(arguments), indent=2))


def report(arguments: argparse.Namespace) -> Measured:
    """Every number of people on every database."""
    results = [
        _measure(users, name, arguments)
        for users in arguments.users or [1000]
        for name in arguments.database or ["sqlite"]
    ]
    found: Measured = {"machine": _machine() | {"clients": arguments.clients}, "results": results}
    if arguments.peer:
        found["scim2-server"] = _peer(arguments)
    return found


def _measure(users: int, name: str, arguments: argparse.Namespace) -> Measured:
    with databases.empty(name) as url:
        seeded = Seeded(url, users, GROUP_SIZES)
        with _served_nothing() as nothing:
            floor = load(
                nothing, lambda _: request("GET", "/"), seconds=arguments.seconds, clients=arguments.clients
            )
        with _served(url) as target:
            idle_mib = target.resident_mib()
            run = Operations(seeded, arguments)
            rows = {each: run.measure(target, each) for each in arguments.only or run.names}
            memory = {"idle": idle_mib, "under_load": target.resident_mib()}
    return {"users": users, "database": name, "nothing": floor, "memory_mib": memory, **rows}


class Operations:
    """One supply of requests per operation; those that change things never ask for the same thing twice."""

    def __init__(self, seeded: Seeded, arguments: argparse.Namespace) -> None:
        self.seeded, self.arguments = seeded, arguments
        self.base = f"/scim/v2/{seeded.connection_id}"
        self.random = random.Random(7)
        self.number = len(seeded.user_ids)
        self.supplies: dict[str, tuple[Supply, tuple[int, ...]]] = {
            "get_by_id": (self.get_by_id, (200,)),
            "user_name_hit": (self.user_name_hit, (200,)),
            "user_name_miss": (self.user_name_miss, (200,)),
            "email_hit": (self.email_hit, (200,)),
            "page_of_100": (self.page, (200,)),
            "get_group_of_100000_without_members": (self.group_without_members, (200,)),
            "post": (self.post, (201,)),
            "put": (self.put, (200,)),
            "patch_active": (self.patch_active, (200, 204)),
            **{f"member_add_and_remove_in_{size}": (self.member(size), (200, 204)) for size in GROUP_SIZES},
            "batch_of_100_members": (self.batch, (200, 204)),
            "delete": (self.delete, (204,)),
        }
        self.names = list(self.supplies)

    def measure(self, target: Target, name: str) -> Measured:
        """After a moment to warm up: the program loads modules when they are first used."""
        supply, expected = self.supplies[name]
        for seconds in (0.3, self.arguments.seconds):
            measured = load(
                target, supply, seconds=seconds, clients=self.arguments.clients, expected=expected
            )
        return measured

    def _send(self, method: str, path: str, body: Any = None) -> bytes:
        content = b"" if body is None else orjson.dumps(body)
        return request(method, f"{self.base}{path}", body=content, token=TOKEN)

    def _someone(self) -> int:
        return self.random.randrange(len(self.seeded.user_ids))

    def get_by_id(self, _client: int) -> bytes:
        return self._send("GET", f"/Users/{self.seeded.user_ids[self._someone()]}")

    def _find(self, text: str) -> bytes:
        return self._send("GET", f"/Users?filter={quote(text)}&startIndex=1&count=100")

    def user_name_hit(self, _client: int) -> bytes:
        return self._find(f'userName eq "user{self._someone()}@example.com"')

    def user_name_miss(self, _client: int) -> bytes:
        return self._find(f'userName eq "nobody{self.random.random()}@example.com"')

    def email_hit(self, _client: int) -> bytes:
        return self._find(f'emails[type eq "work"].value eq "user{self._someone()}@example.com"')

    def page(self, _client: int) -> bytes:
        pages = max(1, len(self.seeded.user_ids) // PAGE)
        return self._send("GET", f"/Users?startIndex={1 + PAGE * self.random.randrange(pages)}&count={PAGE}")

    def group_without_members(self, _client: int) -> bytes:
        return self._send("GET", f"/Groups/{self.seeded.groups[100_000]}?excludedAttributes=members")

    def post(self, _client: int) -> bytes:
        self.number += 1
        return self._send("POST", "/Users", document(self.number))

    def put(self, _client: int) -> bytes:
        self.number += 1
        chosen = self._someone()
        changed = document(chosen) | {"title": f"Title {self.number}"}
        return self._send("PUT", f"/Users/{self.seeded.user_ids[chosen]}", changed)

    def patch_active(self, client: int) -> bytes:
        """Each client switches people of its own, one after the other, off and on."""
        mine = range(client, len(self.seeded.user_ids), self.arguments.clients)
        self.number += 1
        chosen = mine[self.number % len(mine)]
        return self._patch("Users", self.seeded.user_ids[chosen], "active", value=bool(self.number % 2))

    def _patch(self, kind: str, resource_id: str, path: str, op: str = "replace", **value: Any) -> bytes:
        operation = {"op": op, "path": path, **value}
        return self._send("PATCH", f"/{kind}/{resource_id}", {"schemas": [PATCH], "Operations": [operation]})

    def member(self, size: int) -> Supply:
        """Each client puts somebody of its own in, and takes the same one out again."""
        inside: dict[int, str] = {}

        def supply(client: int) -> bytes:
            group = self.seeded.groups[size]
            if client in inside:
                path = f'members[value eq "{inside.pop(client)}"]'
                return self._patch("Groups", group, path, "remove")
            ids = self.seeded.user_ids
            inside[client] = ids[len(ids) // 2 + client + self.random.randrange(20) * self.arguments.clients]
            return self._patch("Groups", group, "members", "add", value=[{"value": inside[client]}])

        return supply

    def batch(self, client: int) -> bytes:
        """A hundred people in, and out again."""
        self.number += 1
        ids = self.seeded.user_ids
        first = len(ids) // 2 + (client * 20) % (len(ids) // 2 - 100)
        op = "add" if self.number // self.arguments.clients % 2 else "remove"
        people = [{"value": each} for each in ids[first : first + 100]]
        return self._patch("Groups", self.seeded.groups[10_000], "members", op, value=people)

    def delete(self, _client: int) -> bytes | None:
        if not self.seeded.user_ids:
            return None
        return self._send("DELETE", f"/Users/{self.seeded.user_ids.pop()}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def _process(command: Sequence[str], port: int, **environment: str) -> Iterator[Target]:
    """A server of our own, ended by us, once it accepts connections."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, env=os.environ | environment, stdout=said, stderr=said, cwd=environment.get("HOME")
        )
        try:
            _wait_for(port, process, said)
            yield Target(port=port, pid=process.pid)
        finally:
            process.terminate()
            process.wait(15)


def _wait_for(port: int, process: subprocess.Popen[bytes], said: Any) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None:
                said.seek(0)
                raise SystemExit(f"the server ended: {said.read().decode()[-2000:]}") from None
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the server does not listen")


@contextmanager
def _served(url: str) -> Iterator[Target]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        port = free_port()
        command = [sys.executable, "-m", "connector", "serve", "--host", "127.0.0.1", "--port", str(port)]
        if profile := os.environ.get("BENCHMARK_PROFILE"):
            command[1:1] = ["-m", "cProfile", "-o", profile]
        with _process(
            command,
            port,
            HOME=folder,
            PYTHONPATH=str(Path(__file__).parent.parent),
            CONNECTOR_DATABASE_URL=url,
            CONNECTOR_KEY_FILE=f"{folder}/key",
            CONNECTOR_PUBLIC_URL=f"http://127.0.0.1:{port}",
        ) as target:
            yield target


@contextmanager
def _served_nothing() -> Iterator[Target]:
    port = free_port()
    with _process([sys.executable, "-m", "benchmarks.scim", "--serve-nothing", str(port)], port) as target:
        yield target


def _serve_nothing(port: int) -> None:
    """A constant answer of 1 KB, by the server and the options that the program uses."""
    import uvicorn

    body = orjson.dumps(document(1) | {"id": "x" * 16, "meta": {"location": "x" * 80}})
    headers = [(b"content-type", b"application/scim+json"), (b"content-length", str(len(body)).encode())]

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    uvicorn.run(
        app, port=port, loop="uvloop", http="httptools", ws="none", lifespan="off", log_config=None,
        access_log=False, server_header=False, proxy_headers=False,
    )  # fmt: skip


def _peer(arguments: argparse.Namespace) -> Measured:
    """scim2-server, which keeps everything in memory, on the same operations as far as it has them."""
    from benchmarks.scim_peer import measure

    return {str(users): measure(users, arguments) for users in arguments.users or [1000]}


if __name__ == "__main__":
    main()
