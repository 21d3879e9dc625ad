"""The reference of the admin API, written from the table of operations."""

from __future__ import annotations

from typing import Final

from connector.operations.operation import Operation
from connector.operations.table import MODULES, OPERATIONS

_HEAD: Final = """\
# Admin API

Everything the console and the command line do. `Authorization: Bearer KEY` with a key of `connector keys add`; what a key may do is its role: viewer, operator or admin, each with the rights of the ones before. The whole of it, with every argument and answer, is OpenAPI 3.1 at `/api/v1/openapi.json`.

- An error is `application/problem+json`; `detail` says what is wrong and what to do, [`kind`](errors.md) how to recover.
- A list has its rows under a name of its own and `next`, the cursor of the next page (`after=`), null at the end; `limit=` bounds a page.
- `Idempotency-Key` on a change makes a repeated call answer as the first did, for a day. A single thing has an `ETag`; `If-Match` with it refuses a change of what somebody changed meanwhile (412), `If-None-Match` spares reading what is known (304).
- The same operations from a command line elsewhere: `connector --server URL --api-key KEY …`, or `CONNECTOR_SERVER` and `CONNECTOR_API_KEY`.
"""


def page() -> str:
    """The whole page as Markdown."""
    parts = [_HEAD]
    for module in MODULES:
        name = module.__name__.rpartition(".")[2]
        rows = [_row(each) for each in OPERATIONS if each.function.__module__ == module.__name__]
        head = f"## {name.capitalize()}\n\n| call | role | what it does | command |\n|---|---|---|---|\n"
        parts.append(head + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _row(operation: Operation) -> str:
    once = (
        " The answer holds a secret, the only time it is shown."
        if operation.shows_once and "only time" not in operation.summary
        else ""
    )
    command = f"`connector {operation.cli}`" if operation.cli else "–"
    call = f"`{operation.method} {operation.path}`"
    summary = operation.summary.replace("``", "`")
    return f"| {call} | {operation.role} | {summary}.{once} | {command} |".replace("|`", "| `")
