"""The reference of the settings, written from their models: key, default, meaning."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import Enum
from types import UnionType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from connector.connection_settings import ConnectionSettings
from connector.directory_settings import TYPES
from connector.setting_types import LimitSettings
from connector.settings import Settings
from sync.model.connection import Safeguards
from tests.docs.described import described

_HEAD = """\
# Settings

What `config.yaml` and the environment take, and what `connector connections add` and `connections set` take for one connection. `config.example.yaml` is a file to start from; `connector init` copies it.

A key of `config.yaml` is an environment variable too: `CONNECTOR_` and the key in capitals, `__` between levels (`CONNECTOR_SEATS__LIMIT`). `${VAR}`, `${VAR:-default}` and `${file:PATH}` are replaced by what they name. An unknown key is an error that names the nearest known one. A list may be written `a, b`; a span of time `90s`, `15m`, `24h`, `7d`; a limit `5`, `10%`, `5 or 10%` (the larger counts) or `off`.

`connector init` writes `config.schema.json` beside `config.yaml`: editors that know YAML complete keys and mark mistakes by it.
"""


def page() -> str:
    """The whole page as Markdown."""
    parts = [_HEAD, "## The program\n", _table(Settings, without={"connections"})]
    parts += ["## Every connection\n", _table(ConnectionSettings, without=set())]
    common = set(ConnectionSettings.model_fields)
    for name, model in TYPES.items():
        parts += [f"## Type {name}\n", f"{_first_line(model)}\n", _table(model, without=common)]
    return "\n".join(parts)


def _table(model: type[BaseModel], without: set[str]) -> str:
    rows = ["| key | default | what it does |", "|---|---|---|"]
    for path, field, default, text in _fields(model):
        if path.partition(".")[0] not in without:
            rows.append(f"| `{path}` | {_default(path, default)} | {_meaning(field, text)} |")
    return "\n".join(rows) + "\n"


def _fields(
    model: type[BaseModel], above: str = "", within: Any = None
) -> Iterator[tuple[str, FieldInfo, Any, str]]:
    """Path, field, default and text of each setting that holds no further ones."""
    texts = described(model)
    for name, field in model.model_fields.items():
        default = (
            field.get_default(call_default_factory=True, validated_data={})
            if within is None
            else getattr(within, name)
        )
        inner = _section(field)
        if inner is None:
            yield f"{above}{name}", field, default, texts.get(name, "")
        else:
            yield from _fields(inner, f"{above}{name}.", default if isinstance(default, BaseModel) else None)


def _section(field: FieldInfo) -> type[BaseModel] | None:
    for each in (field.annotation, *get_args(field.annotation)):
        if isinstance(each, type) and issubclass(each, BaseModel) and each is not LimitSettings:
            return each
    return None


def _default(path: str, value: Any) -> str:
    if isinstance(value, LimitSettings):
        limit = getattr(Safeguards(), path.rpartition(".")[2])
        return f"`{limit.floor} or {limit.share:.0%}`"
    if value is PydanticUndefined:
        return "needed"
    if value is None or value == "" or value in ((), {}):
        return "–"
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f"`{json.dumps(value) if isinstance(value, bool | int | float) else text}`"


def _meaning(field: FieldInfo, text: str) -> str:
    assert text, f"a setting without a text below it: {field}"
    told_of = [str(each) for each in choices(field.annotation)]
    told = f"{text} One of {', '.join(f'`{each}`' for each in told_of)}." if told_of else text
    return told.replace("|", "\\|")


def choices(annotation: Any) -> list[Any]:
    """The texts a setting takes, when it takes a few only; keys of a mapping are not meant."""
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [each.value for each in annotation]
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    optional = [each for each in get_args(annotation) if each is not type(None)]
    return choices(optional[0]) if get_origin(annotation) is UnionType else []


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0]
