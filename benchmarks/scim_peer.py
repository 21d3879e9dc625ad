"""The same operations on scim2-server, from a fresh environment; it keeps everything in memory."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import orjson

from benchmarks.load import load, request
from benchmarks.scim_seed import document

PEER = "scim2-server==0.8.3"
_CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_SERVE = """
import sys, uvicorn
from scim2_server.applications.asgi import ASGIApplication
from scim2_server.memory import AsyncInMemoryStorage
from scim2_server.utils import load_default_provider
app = ASGIApplication(AsyncInMemoryStorage(), load_default_provider())
uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", log_config=None, access_log=False)
"""


def measure(users: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Requests per second of each operation it has; the reason instead, where it does not install."""
    from benchmarks.scim import _process, free_port

    with tempfile.TemporaryDirectory(prefix="bench-peer-") as folder:
        python = _environment(Path(folder))
        if python is None:
            return {"not_measured": f"{PEER} does not install here"}
        port = free_port()
        with _process([str(python), "-c", _SERVE, str(port)], port) as target:
            ids = _seed(port, users)
            run = _operations(ids, _group_of(port, ids[:100]))
            return {
                name: load(
                    target, lambda _, make=make: make(), seconds=arguments.seconds,
                    clients=arguments.clients, expected=(200, 201, 204),
                )
                for name, make in run.items()
            }  # fmt: skip


def _environment(folder: Path) -> Path | None:
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", PEER, "uvicorn", "uvloop", "httptools"]
    done = subprocess.run(install, check=False, capture_output=True)
    return python if done.returncode == 0 else None


def _body(number: int) -> dict[str, Any]:
    return {"schemas": [_CORE, _ENTERPRISE], **document(number)}


def _seed(port: int, users: int) -> list[str]:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:
        answers = (client.post("/v2/Users", json=_body(number)) for number in range(users))
        return [str(answer.raise_for_status().json()["id"]) for answer in answers]


def _group_of(port: int, ids: list[str]) -> str:
    body = {"schemas": [_GROUP], "displayName": "Group", "members": [{"value": id_} for id_ in ids]}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:
        return str(client.post("/v2/Groups", json=body).raise_for_status().json()["id"])


def _operations(ids: list[str], group: str) -> dict[str, Callable[[], bytes | None]]:
    counter = iter(range(10**6, 10**9))

    def someone() -> int:
        return next(counter) % len(ids)

    def find(text: str) -> bytes:
        return request("GET", f"/v2/Users?filter={quote(text)}")

    def patch(kind: str, resource_id: str, **operation: Any) -> bytes:
        body = orjson.dumps({"schemas": [_PATCH], "Operations": [operation]})
        return request("PATCH", f"/v2/{kind}/{resource_id}", body=body)

    return {
        "get_by_id": lambda: request("GET", f"/v2/Users/{ids[someone()]}"),
        "user_name_hit": lambda: find(f'userName eq "user{someone()}@example.com"'),
        "user_name_miss": lambda: find(f'userName eq "nobody{next(counter)}@example.com"'),
        "page_of_100": lambda: request("GET", "/v2/Users?startIndex=1&count=100"),
        "post": lambda: request("POST", "/v2/Users", body=orjson.dumps(_body(next(counter)))),
        "patch_active": lambda: patch(
            "Users", ids[someone()], op="replace", path="active", value=bool(next(counter) % 2)
        ),
        "member_add_in_100": lambda: patch(
            "Groups", group, op="add", path="members", value=[{"value": ids[someone()]}]
        ),
        "delete": lambda: request("DELETE", f"/v2/Users/{ids.pop()}") if ids else None,
    }
