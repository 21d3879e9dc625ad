"""The JSON Schema of config.yaml, for editors: written from the models that check the file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from connector.settings import Settings
from tests.docs.described import described

_MODULES = (
    "connector.settings",
    "connector.connection_settings",
    "connector.directory_settings",
    "connector.setting_types",
)
_REFERENCE = {"type": "string", "pattern": r"^\$\{[^}]+\}$"}
"""``${VAR}`` may stand wherever a number or a truth value may."""


def document() -> str:
    """The schema as JSON text."""
    schema = Settings.model_json_schema()
    for name, model in _models():
        part = schema if model is Settings else schema["$defs"].get(name)
        for field, text in described(model).items():
            if part is not None:
                part["properties"][field]["description"] = text
    told = {"$schema": "https://json-schema.org/draft/2020-12/schema", **_edited(schema)}
    told["title"] = "config.yaml of Directory Connector"
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def _models() -> Iterator[tuple[str, type[BaseModel]]]:
    found: list[type[BaseModel]] = [BaseModel]
    for each in found:
        found.extend(model for model in each.__subclasses__() if model not in found)
        if each.__module__ in _MODULES:
            yield each.__name__, each


def _edited(part: Any) -> Any:
    """Without the titles that repeat a name, and with references where a plain value may stand."""
    if isinstance(part, list):
        return [_edited(each) for each in part]
    if not isinstance(part, dict):
        return part
    kept = {
        name: {key: _edited(each) for key, each in value.items()} if name == "properties" else _edited(value)
        for name, value in part.items()
        if not (name == "title" and isinstance(value, str))
    }
    if kept.get("type") in {"integer", "number", "boolean"}:
        outer = {name: kept.pop(name) for name in ("default", "description") if name in kept}
        return {"anyOf": [kept, _REFERENCE], **outer}
    return kept
