"""A page of a list as a console page shows it: its rows, what it was narrowed to, and where it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args
from urllib.parse import urlencode

from connector.operations.operation import Operation

NOT_FILTERS: Final = frozenset({"limit", "count_max", "wait"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What an operation listed.

    ``of`` is whose list it is (what stands in the operation's path), ``given`` are the filters that the
    page's address says, and ``found`` is the operation's whole answer.
    """

    operation: Operation
    of: Mapping[str, str]
    given: Mapping[str, str]
    found: Mapping[str, Any]

    @property
    def rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.found[self.operation.rows]
        return rows

    @property
    def next(self) -> Any:
        """The cursor of the page behind; None when there is none."""
        return self.found.get("next")

    @property
    def cursor(self) -> str:
        """The parameter that takes ``next``."""
        return self.operation.cursor

    def address(self, path: str, **further: Any) -> str:
        """The page at ``path`` as it is narrowed."""
        query = urlencode(dict(self.given) | further)
        return f"{path}?{query}" if query else path

    def file(self, kind: str) -> str:
        """Where all of it can be had as a file."""
        query = urlencode(dict(self.of) | dict(self.given))
        return f"/export/{self.operation.name}.{kind}{'?' if query else ''}{query}"


def filters_of(operation: Operation) -> list[str]:
    """The arguments that narrow the operation's list."""
    apart = {*operation.in_path, operation.cursor, *NOT_FILTERS}
    return [name for name in operation.arguments.model_fields if name not in apart]


def arguments(operation: Operation, given: Mapping[str, str]) -> dict[str, Any]:
    """The filters as the operation takes them: of a list, the page names one."""
    fields = operation.arguments.model_fields
    return {name: [value] if takes_list(fields[name].annotation) else value for name, value in given.items()}


def takes_list(annotation: Any) -> bool:
    """Whether an argument is a list."""
    return str(annotation).startswith("list[") or any(map(takes_list, get_args(annotation)))
