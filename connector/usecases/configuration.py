"""Configuration as code: connections and webhooks as one document, compared with it and brought up to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from connector.directory_settings import TYPES, secret_names
from connector.nearest import hint
from connector.references import is_reference, resolve
from connector.settings import connection_from
from connector.usecases.connections import Connections
from connector.usecases.webhooks import Webhooks
from connector.usecases.wires import Wires
from sync.model.connection import Connection
from sync.model.errors import Misconfigured

Document = dict[str, Any]

_SECTIONS: Final = ("connections", "webhooks")
_WEBHOOK_KEYS: Final = ("url", "types", "connection", "note")
ABSENT: Final = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is otherwise in the document than in the database.

    ``where`` is "connections.acme" or "webhooks.https://…", ``key`` the setting (a dotted path), empty
    where the whole is missing on one side; ``here`` is the database's value, ``there`` the document's.
    """

    where: str
    key: str
    here: Any
    there: Any

    def as_json(self) -> dict[str, Any]:
        return {"where": self.where, "key": self.key, "here": self.here, "there": self.there}

    def as_text(self) -> str:
        name = f"{self.where}.{self.key}" if self.key else self.where
        if self.here == ABSENT and not self.key:
            return f"+ {name}"
        if self.there == ABSENT and not self.key:
            return f"? {name} is not in the file; it stays (connector connections remove, webhooks remove)"
        return f"~ {name}: {self.here} → {self.there}"


class Configuration:
    """What admins set up, without what directories say and without any secret."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires
        self._connections = Connections(wires)
        self._webhooks = Webhooks(wires)

    def exported(self) -> Document:
        """Everything set up, secrets as references: those given as ``${NAME}`` as they are, others by a
        name to set where the document is imported.
        """
        return {
            "connections": [self._written(each) for each in self._connections.all()],
            "webhooks": [
                {key: each[key] for key in _WEBHOOK_KEYS if each[key]} for each in self._webhooks.listed()
            ],
        }

    def compared(self, document: Mapping[str, Any]) -> list[Difference]:
        """The drift between document and database, in the document's order. Raises Misconfigured."""
        wanted, here = _checked(document), self.exported()
        secret_of = {each.name: secret_names(each.type) for each in self._connections.all() if each.from_file}
        mine, theirs = (
            [_without(each, secret_of.get(each["name"], frozenset())) for each in side["connections"]]
            for side in (here, wanted)
        )
        return [
            *_differences("connections", "name", mine, theirs),
            *_differences("webhooks", "url", here["webhooks"], wanted["webhooks"]),
        ]

    def imported(self, document: Mapping[str, Any], *, by: str) -> dict[str, Any]:
        """Bring the database up to the document; what the document does not hold stays.

        Returns the differences that were mended, and the tokens and secrets of what was made, the only time
        they are shown. Connections are checked before anything is written. Raises Misconfigured.
        """
        found, wanted = self.compared(document), _checked(document)
        known = {each.name: each for each in self._connections.all()}
        changed = {each.where for each in found if each.key or each.there != ABSENT}
        connections = [each for each in wanted["connections"] if f"connections.{each['name']}" in changed]
        for each in connections:
            _check_writable(each, known.get(each["name"]))
        made: dict[str, list[dict[str, Any]]] = {"connections": [], "webhooks": []}
        for each in connections:
            stored = known.get(each["name"])
            if stored is None:
                made["connections"].append(self._add(each))
            else:
                self._connections.set(stored.id, _change(self._written(stored), each))
        made["webhooks"] = [
            self._webhooks.add(**each, by=by)
            for each in wanted["webhooks"]
            if f"webhooks.{each['url']}" in changed
        ]
        mended = [each.as_json() for each in found if each.key or each.there != ABSENT]
        return {"differences": mended, "made": made}

    def _add(self, wanted: Document) -> dict[str, Any]:
        given = {name: value for name, value in wanted.items() if name not in ("name", "type", "enabled")}
        made = self._connections.add(wanted["name"], wanted["type"], given)
        if not wanted.get("enabled", True):
            self._connections.pause(made["id"], paused=True)
        return made

    def _written(self, connection: Connection) -> Document:
        """A connection as config.yaml would say it."""
        hidden = set(connection.sealed)
        if connection.from_file:
            configured = [each for each in self._wires.settings.connections if each.name == connection.name]
            hidden |= {
                name for each in configured for name in secret_names(each.type) & each.model_fields_set
            }
        told = {"name": connection.name, "type": connection.type, "mode": connection.mode.value}
        paused = {} if connection.enabled else {"enabled": False}
        secrets = {name: placeholder(connection.name, name) for name in sorted(hidden)}
        return told | paused | dict(sorted(connection.settings.items())) | secrets


def placeholder(connection: str, setting: str) -> str:
    """The reference that stands for a sealed secret: ``${ACME_API_TOKEN}``."""
    return f"${{{re.sub(r'[^A-Za-z0-9]+', '_', f'{connection}_{setting}').upper()}}}"


def _checked(document: Mapping[str, Any]) -> dict[str, list[Document]]:
    """The document's sections, each entry of the right shape; other sections of config.yaml do not count."""
    found: dict[str, list[Document]] = {}
    for name in _SECTIONS:
        entries = [] if document.get(name) is None else document[name]
        if name == "webhooks" and isinstance(entries, Mapping):
            entries = []  # in config.yaml this section says how webhooks are called, not whom
        if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
            raise Misconfigured(f"{name} must be a list, as `connector export` writes it")
        found[name] = entries
    if not any(name in document for name in _SECTIONS):
        raise Misconfigured(
            "the file holds neither connections nor webhooks; make one with: connector export"
        )
    for place, each in enumerate(found["connections"]):
        _check_connection(each, f"connections[{place}]: ")
    for place, each in enumerate(found["webhooks"]):
        _check_webhook(each, f"webhooks[{place}]: ")
    return found


def _check_connection(given: Document, where: str) -> None:
    """A secret may be a name that is not set here: what is sealed already stays as it is."""
    type = str(given.get("type"))
    if type not in TYPES:
        raise Misconfigured(f"{where}there is no connection type {type}{hint(type, TYPES)}")
    hidden = secret_names(type)
    seen = {
        name: "(a reference)" if name in hidden and is_reference(value) else value
        for name, value in given.items()
    }
    connection_from(resolve(seen, where.removesuffix(": ")), where)


def _check_writable(given: Document, stored: Connection | None) -> None:
    if stored is None:
        resolve(given, given["name"])
    elif stored.from_file:
        raise Misconfigured(f"{stored.name} is kept equal to the configuration file; change it there")
    elif stored.type != given["type"]:
        raise Misconfigured(
            f"{stored.name} is of type {stored.type} and stays so; give the other a name of its own"
        )


def _check_webhook(given: Document, where: str) -> None:
    for key in given:
        if key not in _WEBHOOK_KEYS:
            raise Misconfigured(f"{where}unknown key {key}{hint(key, _WEBHOOK_KEYS)}")
    if not isinstance(given.get("url"), str):
        raise Misconfigured(f"{where}url is missing")


def _without(values: Document, names: frozenset[str]) -> Document:
    return {name: value for name, value in values.items() if name not in names}


def _differences(
    section: str, key: str, here: Sequence[Document], there: Sequence[Document]
) -> Iterator[Difference]:
    mine = {str(each[key]): each for each in here}
    theirs = {str(each[key]): each for each in there}
    for name, wanted in theirs.items():
        where = f"{section}.{name}"
        if name in mine:
            yield from _changed(where, dict(_flat(mine[name])), dict(_flat(wanted)))
        else:
            yield Difference(where=where, key="", here=ABSENT, there=wanted)
    for name, stored in mine.items():
        if name not in theirs:
            yield Difference(where=f"{section}.{name}", key="", here=stored, there=ABSENT)


def _changed(where: str, stored: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[Difference]:
    for path in dict.fromkeys([*given, *stored]):
        mine, theirs = stored.get(path, ABSENT), given.get(path, ABSENT)
        if not _same(mine, theirs) and not (path == "enabled" and {mine, theirs} == {ABSENT, True}):
            yield Difference(where=where, key=path, here=mine, there=theirs)


def _same(mine: Any, theirs: Any) -> bool:
    """Values typed on a command line are texts; a file may say 15 for "15" and a list for "a, b"."""
    return mine == theirs or _text(mine) == _text(theirs)


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(_text, value))
    text = str(value)
    return text.lower() if isinstance(value, bool) else text.replace(", ", ",")


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting by its dotted path."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _change(stored: Document, wanted: Document) -> Document:
    """What to set so that the stored connection is as wanted; None takes a setting back to its default."""
    given = {name: value for name, value in wanted.items() if not _same(stored.get(name, ABSENT), value)}
    given |= dict.fromkeys(name for name in stored if name not in wanted)
    if "enabled" in given:
        given["enabled"] = wanted.get("enabled", True)
    return given
