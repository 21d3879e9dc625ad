"""What is wrong with settings, as sentences: the key with its path, and the nearest known one."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from connector.connection_settings import NAME
from connector.directory_settings import TYPES
from connector.nearest import hint


def explain(error: ValidationError, model: type[BaseModel], where: str = "") -> str:
    """Every mistake as a phrase: the key with its path, what is wrong, the nearest known key."""
    return where + "; ".join(
        dict.fromkeys(_mistake(dict(each), model) for each in error.errors(include_url=False))
    )


def _mistake(mistake: dict[str, Any], model: type[BaseModel]) -> str:
    steps: tuple[int | str, ...] = mistake["loc"]
    path, owner = _walk(steps, model)
    if mistake["type"] == "extra_forbidden":
        *above, key = path.rpartition(".")
        close = hint(str(key), owner.model_fields) if owner else ""
        return f"unknown key {path}{_with_path(close, above[0])}"
    if mistake["type"].startswith("union_tag"):
        return f"{path}.type must be one of {', '.join(TYPES)}"
    if mistake["type"] == "string_pattern_mismatch" and mistake["ctx"]["pattern"] == NAME:
        return f"{path}: letters, digits, spaces, dots, dashes and underscores make a name"
    said = str(mistake["msg"]).removeprefix("Value error, ")
    return f"{path}: {said}" if path else said


def _with_path(close: str, above: str) -> str:
    return close.replace("did you mean ", f"did you mean {above}.") if above else close


def _walk(steps: tuple[int | str, ...], model: type[BaseModel]) -> tuple[str, type[BaseModel] | None]:
    """The path as people write it, without a union's tag, and the model that owns its last step."""
    path, owner, current = "", model, model
    for place, step in enumerate(steps):
        if isinstance(step, int):
            path += f"[{step}]"
        elif place and isinstance(steps[place - 1], int) and step in TYPES:
            owner = current = TYPES[step]
        else:
            path += f".{step}" if path else step
            owner = current
            field = current.model_fields.get(step)
            annotation = field.annotation if field else None
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                current = annotation
    return path, owner
