"""One operation: what it needs, where it is found, and how it is carried out for a caller."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from connector.nearest import hint
from sync.model.access import Actor, Role
from sync.model.errors import Misconfigured, Refused

if TYPE_CHECKING:
    from connector.app import App

_PARAMETER: Final = re.compile(r"{(\w+)(?::path)?}")


class NotAllowed(Refused):
    """The caller's role does not reach so far."""


class BadArguments(Misconfigured):
    """What was asked is not well formed; the sentence names the argument."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An operation under way: the program, and whoever asks."""

    app: App
    actor: Actor

    @property
    def by(self) -> str:
        """How records name the caller."""
        return self.actor.by


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One row of the table. ``answers`` is the type of its answer, ``cli`` its command line.

    ``shows_once`` says that the answer holds a secret that is never shown again, ``rows`` under which
    key a list has its rows, ``waits`` that the answer may be waited for.
    """

    name: str
    method: str
    path: str
    role: Role
    function: Callable[..., Any]
    answers: Any
    status: int = 200
    cli: str = ""
    rows: str = ""
    cursor: str = "after"
    shows_once: bool = False
    waits: bool = False

    @property
    def reads(self) -> bool:
        return self.method == "GET"

    @cached_property
    def uncounted(self) -> dict[str, Any]:
        """The argument that spares a page the count of everything, where the list takes it."""
        return {"count_max": 0} if "count_max" in self.arguments.model_fields else {}

    @cached_property
    def summary(self) -> str:
        """The first line of what it does."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0].rstrip(".")

    @cached_property
    def about(self) -> str:
        """All of what it does."""
        return inspect.getdoc(self.function) or ""

    @cached_property
    def in_path(self) -> tuple[str, ...]:
        """Names of the arguments that stand in the path."""
        return tuple(_PARAMETER.findall(self.path))

    @cached_property
    def arguments(self) -> type[BaseModel]:
        """The arguments as a model that knows no others."""
        hints = get_type_hints(self.function, include_extras=True)
        fields: dict[str, Any] = {
            name: (hints[name], ... if each.default is inspect.Parameter.empty else each.default)
            for name, each in inspect.signature(self.function).parameters.items()
            if each.kind is inspect.Parameter.KEYWORD_ONLY
        }
        title = "".join(part.capitalize() for part in re.split(r"[._]", self.name))
        return create_model(title, __config__=ConfigDict(extra="forbid"), **fields)

    def address(self, arguments: Mapping[str, Any], quote: Callable[[str], str]) -> str:
        """The path with the arguments that stand in it."""
        return _PARAMETER.sub(lambda found: quote(str(arguments[found.group(1)])), self.path)

    def checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as the function takes them; raises BadArguments naming the first mistake."""
        try:
            model = self.arguments.model_validate(dict(given))
        except ValidationError as error:
            raise BadArguments(_mistake(dict(error.errors()[0]), self.arguments)) from None
        return {name: getattr(model, name) for name in type(model).model_fields}

    def carry_out(self, call: Call, given: Mapping[str, Any]) -> Any:
        """Do it for the caller. Raises NotAllowed, BadArguments, and what the use case raises."""
        if not call.actor.role.allows(self.role):
            raise NotAllowed(
                f"This needs the role {self.role.value}; yours is {call.actor.role.value}. Ask an admin."
            )
        return self.function(call, **self.checked(given))


REGISTERED: Final[dict[str, Operation]] = {}
"""Every operation by name, as far as its module was imported; ``table`` imports them all."""


def operation(
    method: str, path: str, role: Role, answers: Any, **further: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Put a function into the table."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        noun = function.__module__.rpartition(".")[2]
        name = f"{noun}.{function.__name__.rstrip('_')}"
        REGISTERED[name] = Operation(
            name=name, method=method, path=path, role=role, function=function, answers=answers, **further
        )
        return function

    return register


def _mistake(error: Mapping[str, Any], model: type[BaseModel]) -> str:
    name = ".".join(str(step) for step in error["loc"])
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return f"There is no parameter {name}{hint(name, model.model_fields)}"
    if kind == "missing":
        return f"{name} is missing."
    if kind in {"bool_parsing", "bool_type"}:
        return f"{name} must be one of true, false."
    if kind in {"enum", "literal_error"}:
        return f"{name} must be one of {str(context['expected']).replace(' or ', ', ').replace(chr(39), '')}."
    limits = _limits(str(error["loc"][0]), model)
    if limits is not None and kind.startswith(("int", "greater", "less")):
        return f"{name} must be a whole number from {limits[0]} to {limits[1]}."
    return f"{name}: {str(error['msg']).removeprefix('Value error, ')}"


def _limits(name: str, model: type[BaseModel]) -> tuple[int, int] | None:
    field = model.model_fields.get(name)
    bounds = {
        bound: getattr(each, bound)
        for each in (field.metadata if field else ())
        for bound in ("ge", "le")
        if hasattr(each, bound)
    }
    return (bounds["ge"], bounds["le"]) if len(bounds) == 2 else None
