"""The reference of the errors: one row per way to recover, with what each door makes of it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from connector.cli.exits import of_error
from connector.web.problems import status_of
from scim_server.errors import from_engine
from sync.model.errors import ConnectorError, recovery_of

_HEAD = """\
# Errors

Every error is one of a few kinds, by what helps. Its message is one or two sentences: what is wrong and what to do; it never holds a secret.

| kind | what it says | exit code | API | SCIM |
|---|---|---|---|---|
"""


def page() -> str:
    """The whole page as Markdown."""
    return _HEAD + "\n".join(_row(kind) for kind in _kinds(ConnectorError)) + "\n"


def _kinds(above: type[ConnectorError]) -> Iterator[type[ConnectorError]]:
    for kind in above.__subclasses__():
        if kind.__module__ == ConnectorError.__module__:
            yield kind
            yield from _kinds(kind)


def _row(kind: type[ConnectorError]) -> str:
    error = kind("…")
    scim = from_engine(error)
    said = (inspect.getdoc(kind) or "").partition("\n")[0].replace("``", "`")
    answer = f"{scim.status} {scim.scim_type or ''}".strip()
    return f"| `{recovery_of(error)}` | {said} | {of_error(error).value} | {status_of(error)} | {answer} |"
