"""A support bundle: how an installation is set up and does, without a name, an address or a secret in it."""

from __future__ import annotations

import io
import platform
import re
import sqlite3
import zipfile
from collections.abc import Mapping
from functools import cached_property
from importlib.metadata import version
from typing import Any, Final

import orjson
from pydantic import SecretStr

from connector.usecases import shapes
from connector.usecases.doctor import Doctor
from connector.usecases.wires import Wires
from sync.store import connections, migrate, plans, runs, survey

RUNS: Final = 200
PLANS: Final = 100

SET: Final = "(set)"
"""Stands for a value that may name somebody or something."""

_PLAIN: Final = re.compile(
    # Numbers, spans, limits, cron lines and the words of our own choices; nothing an admin can make up.
    r"\d+(\.\d+)?[smhdw%]?|(\d+ (or|,) )?\d+(\.\d+)?%|[\d*/, -]+|true|false|off|all|auto|confirm|never|"
    r"push|pull|both|any|highest|direct|transitive|global|us|china|eu|in|roles|groups|ignore|reject|keep|"
    r"clear|apply|create|unset|representation|empty|json|console|debug|info|warning|error"
)
Document = dict[str, Any]


class Bundle:
    """Gathers what somebody who helps needs; every text that people or directories gave is left out."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    def archive(self) -> bytes:
        """A ZIP archive of JSON files; connections go by number, in the order they were made."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, document in self._documents().items():
                text = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)
                archive.writestr(f"{name}.json", text)
        return packed.getvalue()

    def _documents(self) -> dict[str, Any]:
        return {
            "about": self._about(),
            "settings": masked(self._wires.settings.model_dump(exclude_unset=True, exclude={"connections"})),
            "connections": [self._connection(each) for each in self._connections],
            "findings": self._findings(),
            "runs": self._runs(),
            "plans": self._plans(),
            "tables": self._tables(),
        }

    @cached_property
    def _connections(self) -> list[Any]:
        with self._wires.database.read() as conn:
            return sorted(connections.listed(conn), key=lambda each: each.id)

    @cached_property
    def _numbers(self) -> dict[str, str]:
        return {each.name: f"connection {place}" for place, each in enumerate(self._connections, start=1)}

    def _about(self) -> Document:
        database = self._wires.database
        engine = f"SQLite {sqlite3.sqlite_version}" if database.is_sqlite else "PostgreSQL"
        return {
            "made_at": shapes.at(self._wires.clock()),
            "version": version("directory-connector"),
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "database": engine,
            "tables": {"version": migrate.current(database), "needed": migrate.HEAD},
        }

    def _connection(self, one: Any) -> Document:
        shape = shapes.connection(one)
        told = ("type", "mode", "state", "from_file", "first_run_approved")
        times = ("last_complete_at", "next_full_at", "next_delta_at", "created_at")
        return {
            "connection": self._numbers[one.name],
            **{name: shape[name] for name in (*told, *times)},
            "settings": masked(one.settings),
            "sealed": sorted(one.sealed),
        }

    def _findings(self) -> list[Document]:
        """What the doctor found, without its sentences: they name hosts and people."""
        return [
            {"check": self._unnamed(each["check"]), "state": each["state"]}
            for each in Doctor(self._wires).look()
        ]

    def _unnamed(self, check: str) -> str:
        name, colon, rest = check.rpartition(": ")
        return f"{self._numbers.get(name, SET)}{colon}{rest}" if colon else check

    def _runs(self) -> list[Document]:
        with self._wires.database.read() as conn:
            found = [shapes.run(each) for each in runs.listed(conn, limit=RUNS)]
        left_out = ("error", "requested_by", "reasons")
        return [self._numbered(each, left_out) | {"reasons": len(each["reasons"])} for each in found]

    def _plans(self) -> list[Document]:
        with self._wires.database.read() as conn:
            found = [shapes.plan(each) for each in plans.listed(conn, limit=PLANS)]
        left_out = ("decided_by", "comment", "reasons")
        return [self._numbered(each, left_out) | {"reasons": len(each["reasons"])} for each in found]

    def _numbered(self, shape: Mapping[str, Any], left_out: tuple[str, ...]) -> Document:
        kept = {name: value for name, value in shape.items() if name not in left_out}
        return kept | {"connection": self._numbers.get(shape["connection"], SET)}

    def _tables(self) -> dict[str, int]:
        with self._wires.database.read() as conn:
            return survey.row_counts(conn)


def masked(value: Any) -> Any:
    """Settings with only those values left that nobody can have made up; names of settings stay."""
    if isinstance(value, Mapping):
        known = {str(name): masked(inner) for name, inner in value.items()}
        return (
            known
            if _is_section(value)
            else {f"key {place}": each for place, each in enumerate(known.values(), 1)}
        )
    if isinstance(value, list | tuple):
        return f"({len(value)} set)"
    if isinstance(value, bool | int | float) or value is None:
        return value
    if isinstance(value, SecretStr) or not _PLAIN.fullmatch(str(value).strip()):
        return SET
    return value


def _is_section(value: Mapping[Any, Any]) -> bool:
    return all(re.fullmatch(r"[a-z_]+", str(name)) for name in value)
