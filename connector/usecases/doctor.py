"""What could be wrong, looked at one by one, each with its remedy."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from connector.settings import unknown_variables
from connector.usecases import surroundings
from connector.usecases.connections import CHECK_LIMIT_S, Connections
from connector.usecases.expiries import expiries, token_end
from connector.usecases.replicas import Replicas
from connector.usecases.wires import Wires
from sync.model.connection import Connection, Mode
from sync.model.errors import ConnectorError
from sync.model.notice import NoticeKind
from sync.store import connections, endpoints, meta, migrate
from sync.store.database import OutOfReach, ping

SOON: Final = timedelta(days=14)


class Doctor:
    """Each finding: ``{"check", "state": "ok|warning|failed", "detail"}``."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    def look(self, ref: str | None = None) -> list[dict[str, Any]]:
        """Look at the program, then at the named connection or at all."""
        known = Connections(self._wires)
        chosen = [known.find(ref)] if ref else known.all()
        found = [
            *self._database(),
            self._key(chosen),
            *self._replicas(),
            *self._webhooks(),
            *self._ends(),
            *self._address(),
            *_environment(),
        ]
        for connection in chosen:
            found += [*self._rights(connection), *self._tokens(connection)]
        return found

    def _database(self) -> list[dict[str, Any]]:
        """Whether it answers and takes writes, which tables it has, and where a file of SQLite lies."""
        database = self._wires.database
        ping(database)
        try:
            with database.write() as conn:
                clock = meta.try_write(conn)
        except ConnectorError as error:
            remedy = f"cannot be written: {error.message}; {_remedy(self._wires.settings.database_url)}"
            return [_finding("database", "failed", remedy)]
        version = migrate.current(database)
        found = [_finding("database", "ok", f"answers and takes writes, at version {version}")]
        if version != migrate.HEAD:
            remedy = (
                f"is at version {version}, this program's is {migrate.HEAD}; upgrade: connector db upgrade"
            )
            found = [_finding("database", "warning", remedy)]
        networked = surroundings.networked(self._wires.settings.database_url)
        if networked:
            remedy = f"lies on {networked}, where SQLite's locks do not hold; use a local disk, or PostgreSQL"
            found.append(_finding("file system", "failed", remedy))
        late = clock and surroundings.skew_told(self._wires.clock(), clock, "the database's")
        return [*found, _finding("clock", "warning", late)] if late else found

    def _address(self) -> list[dict[str, Any]]:
        told = surroundings.unreachable(self._wires.settings)
        return [_finding("public address", "warning", told)] if told else []

    def _key(self, chosen: list[Connection]) -> dict[str, Any]:
        try:
            for connection in chosen:
                for sealed in connection.sealed.values():
                    self._wires.keyring.open(connection.id, sealed)
        except ConnectorError as error:
            return _finding("key", "failed", error.message)
        return _finding("key", "ok", "opens every stored credential")

    def _replicas(self) -> list[dict[str, Any]]:
        """Whether a daemon works, and all of them are of one version."""
        alive = Replicas(self._wires).alive()
        versions = sorted({each["version"] for each in alive})
        if not any(each["role"] != "web" for each in alive):
            remedy = "no process keeps the schedule and does runs; start one: connector serve"
            return [_finding("daemon", "warning", remedy)]
        if len(versions) > 1:
            remedy = f"versions {' and '.join(versions)} run side by side; end the older ones"
            return [_finding("daemon", "warning", remedy)]
        return [_finding("daemon", "ok", f"{len(alive)} alive, version {versions[0]}")]

    def _webhooks(self) -> list[dict[str, Any]]:
        """Endpoints that take nothing."""
        with self._wires.database.read() as conn:
            failing = [each for each in endpoints.listed(conn) if each.enabled and each.failing_since]
        return [
            _finding(
                f"webhook {each.id}",
                "warning",
                f"takes no events ({each.last_error}); try it: connector webhooks test {each.id}",
            )
            for each in failing
        ]

    def _ends(self) -> list[dict[str, Any]]:
        """Credentials of directories that have ended or will soon."""
        now = self._wires.clock()
        with self._wires.database.read() as conn:
            ends = [each for each in expiries(self._wires, conn) if each.threshold_d(now) is not None]
        return [
            _finding("credentials", "warning", each.sentence(now))
            for each in ends
            if each.kind is NoticeKind.CREDENTIAL_EXPIRES
        ]

    def _rights(self, connection: Connection) -> list[dict[str, Any]]:
        name = f"{connection.name}: directory"
        if connection.mode is Mode.PUSH:
            return [_finding(name, "ok", "only receives what its IdP pushes")]
        try:
            source = self._wires.open_source(connection, limit_s=CHECK_LIMIT_S)
            try:
                rights, told_at = source.check(), source.effort.told_at
            finally:
                source.close()
        except ConnectorError as error:
            return [_finding(name, "failed", error.message)]
        states = {"ok": "ok", "missing": "failed", "unknown": "warning"}
        found = [
            _finding(f"{connection.name}: {each.name}", states[each.state.value], each.detail)
            for each in rights
        ]
        late = told_at and surroundings.skew_told(self._wires.clock(), told_at, "the directory's")
        return [*found, _finding(f"{connection.name}: clock", "warning", late)] if late else found

    def _tokens(self, connection: Connection) -> list[dict[str, Any]]:
        name, now = f"{connection.name}: SCIM token", self._wires.clock()
        with self._wires.database.read() as conn:
            known = connections.tokens(conn, connection.id)
        live = [token for token in known if token.expires_at is None or token.expires_at > now]
        if not live:
            state = "ok" if connection.mode is Mode.PULL else "warning"
            remedy = f"no live one; to receive pushes: connector tokens rotate {connection.name}"
            return [_finding(name, state, remedy)]
        soon = [each for each in token_end(connection, known, now) if each.at < now + SOON]
        if soon:
            return [_finding(name, "warning", each.sentence(now)) for each in soon]
        return [_finding(name, "ok", f"{len(live)} live")]


def looked(look: Callable[[], list[dict[str, Any]]], database_url: str) -> list[dict[str, Any]]:
    """What was found; one finding where the database cannot even be read."""
    try:
        return look()
    except OutOfReach as error:
        detail = f"cannot be opened: {error.message}; {_remedy(database_url)}"
        return [_finding("database", "failed", detail)]


def _remedy(database_url: str) -> str:
    if database_url.startswith("sqlite"):
        return "it needs room, and this program's user the right to write to the file and to its folder"
    return "database_url must lead to the primary, with a role that may write"


def _environment() -> list[dict[str, Any]]:
    return [_finding("environment", "warning", sentence) for sentence in unknown_variables(os.environ)]


def _finding(check: str, state: str, detail: str) -> dict[str, Any]:
    return {"check": check, "state": state, "detail": detail}
