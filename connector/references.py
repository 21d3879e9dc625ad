"""References in settings: ``${VAR}``, ``${VAR:-default}`` and ``${file:PATH}`` keep secrets elsewhere."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sync.model.errors import Misconfigured

_REFERENCE = re.compile(
    r"\$\{(?:file:(?P<file>[^}]+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?)\}"
)


def is_reference(text: object) -> bool:
    """Whether the text is one reference and nothing else: it names a secret without being one."""
    return isinstance(text, str) and _REFERENCE.fullmatch(text) is not None


def resolve(value: Any, where: str = "", env: Mapping[str, str] = os.environ) -> Any:
    """The value with every reference replaced, through lists and mappings.

    Raises Misconfigured naming the key, when a variable is unset or a file cannot be read.
    """
    if isinstance(value, str):
        return _REFERENCE.sub(lambda found: _referred(found, where, env), value)
    if isinstance(value, Mapping):
        return {
            key: resolve(inner, f"{where}.{key}" if where else str(key), env) for key, inner in value.items()
        }
    if isinstance(value, list):
        return [resolve(inner, f"{where}[{place}]", env) for place, inner in enumerate(value)]
    return value


def _referred(found: re.Match[str], where: str, env: Mapping[str, str]) -> str:
    if found["file"]:
        return read_secret_file(found["file"], where)
    text = env.get(found["name"]) or found["default"]
    if text is None:
        raise Misconfigured(
            f"{where}: the environment variable {found['name']} is not set; "
            f"set it, or write a default as ${{{found['name']}:-…}}"
        )
    return text


def read_secret_file(path: str, where: str) -> str:
    """The file's text without the line break at its end. Raises Misconfigured."""
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise Misconfigured(f"{where}: the file {path} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise Misconfigured(f"{where}: the file {path} is not text in UTF-8") from error
