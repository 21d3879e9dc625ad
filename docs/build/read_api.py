"""Prints every active user with the tags they carry, by the connector's API.

CONNECTOR_URL=http://127.0.0.1:8080 CONNECTOR_API_KEY=... python read_api.py
"""

import json
import os
from collections.abc import Iterator
from urllib.parse import urlencode
from urllib.request import Request, urlopen


def ask(path: str, **query: str | int) -> dict:
    """The API's answer. Raises urllib's HTTPError; its body is a problem document with a ``detail``."""
    request = Request(f"{os.environ['CONNECTOR_URL']}/api/v1{path}?{urlencode(query)}")
    request.add_header("Authorization", f"Bearer {os.environ['CONNECTOR_API_KEY']}")
    with urlopen(request, timeout=30) as answer:
        return json.load(answer)


def users(**filters: str) -> Iterator[dict]:
    """Everybody who passes the filters, page by page."""
    page = ask("/users", limit=500, **filters)
    yield from page["users"]
    while page["next"] is not None:
        page = ask("/users", limit=500, after=page["next"], **filters)
        yield from page["users"]


if __name__ == "__main__":
    for user in users(active="true"):
        print(user["email"], ",".join(user["tags"]) or "-")
