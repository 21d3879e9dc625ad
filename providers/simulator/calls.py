"""One call to a simulated IdP: its route, operation, object and page; or the answer that refuses it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from providers.simulator.wire import Answer, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One path of an API, with the operation that faults and counts know it by."""

    pattern: re.Pattern[str]
    op: str
    method: str = "GET"


def endpoint(path: str, op: str, method: str = "GET") -> Endpoint:
    """An endpoint; `{}` in the path is an id."""
    return Endpoint(pattern=re.compile(path.replace("{}", "([^/]+)")), op=op, method=method)


@dataclass(kw_only=True)
class Visit:
    """One request on its way to an answer; a fault may want that its answer repeats its cursor."""

    request: Request
    op: str
    ident: str | None = None
    page: int = 1
    repeats_cursor: bool = False

    @property
    def ops(self) -> tuple[str, ...]:
        """The names by which a fault may ask for it."""
        return (self.op,)


class Refusal(Exception):
    """The request cannot be served; this is what its caller is told."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(str(answer.status))
        self.answer = answer


def visit_of(request: Request, endpoints: Sequence[Endpoint]) -> Visit | None:
    """The call this request is; None when the API has nothing at its path."""
    for each in endpoints:
        match = each.pattern.fullmatch(request.path)
        if match is not None and each.method == request.method:
            return Visit(request=request, op=each.op, ident=match[1] if match.groups() else None)
    return None
