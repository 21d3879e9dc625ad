"""config.yaml as a mapping, before anybody asks what its keys mean."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import yaml

from sync.model.errors import Misconfigured

_DEEPEST: Final = 30
_MOST_VALUES: Final = 100_000
"""Of one level of a configuration file, aliases followed."""


def read_yaml(file: Path) -> dict[str, Any]:
    """The mapping in the file as written, references unresolved. Raises Misconfigured."""
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{file} cannot be read: {error}") from error
    except RecursionError as error:
        raise Misconfigured(f"{file} is nested without end") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        at = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise Misconfigured(f"{file} is not YAML{at}: {error.problem}") from error
    except yaml.YAMLError as error:
        raise Misconfigured(f"{file} is not YAML: {error}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise Misconfigured(f"{file} must be a list of keys with values, as in config.example.yaml")
    _check_shape(values, file)
    return values


def _check_shape(values: dict[str, Any], file: Path) -> None:
    """Raises Misconfigured for a key that is no text, and for a document so deep that it holds itself."""
    level: list[Any] = [values]
    for _ in range(_DEEPEST):
        keys = [key for each in level if isinstance(each, dict) for key in each]
        odd = [key for key in keys if not isinstance(key, str)]
        if odd:
            raise Misconfigured(f"{file}: the key {odd[0]!r} must be text; write it in quotes")
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return
        if len(level) > _MOST_VALUES:
            break
    raise Misconfigured(f"{file} is nested without end; does an alias (*name) stand within what it repeats?")


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
