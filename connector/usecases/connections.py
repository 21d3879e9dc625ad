"""Connections: make, change, show, test, pause; their secrets go in and never come out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connector import keyring
from connector.connection_settings import ConnectionSettings
from connector.directory_settings import TYPES, secret_names
from connector.nearest import hint
from connector.references import is_reference, resolve
from connector.settings import connection_from
from connector.usecases import shapes
from connector.usecases.audit import note
from connector.usecases.subscriptions import Subscriptions
from connector.usecases.wires import Wires
from sync.model.connection import Connection
from sync.model.errors import Conflict, Misconfigured, Stale
from sync.model.run import RunState
from sync.store import connections as store
from sync.store import meta, runs, standing
from sync.store.ids import new_id

CHECK_LIMIT_S = 30.0
_COLUMNS = ("name", "type", "enabled", "mode")


class Connections:
    """The admin's links to directories."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    def add(self, name: str, type: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Make a connection and its first SCIM token, whose text is in the answer and nowhere else.

        ``given`` are its settings as typed, references unresolved. Raises Misconfigured, Duplicate.
        """
        checked = self._checked({**given, "name": name, "type": type})
        connection_id, token, now = new_id(), keyring.new_token(), self._wires.clock()
        plain, sealed = self._parted(connection_id, type, given)
        with self._wires.database.write() as conn:
            made = store.add(
                conn,
                id=connection_id,
                name=checked.name,
                type=type,
                mode=checked.mode,
                settings=plain,
                sealed=sealed,
                managed_tag=self._wires.settings.tags.managed,
                from_file=False,
                now=now,
            )
            store.add_token(
                conn, connection_id, id=new_id(), hash=token.hash, last_four=token.last_four, now=now
            )
            self._note(conn, "connections.add", made, after=_audited(made))
        return {"id": made.id, "name": made.name, "type": made.type, "scim_base_url": self.scim_url(made)} | {
            "token": token.text
        }

    def set(
        self, ref: str, given: Mapping[str, Any], *, expect_revision: str | None = None
    ) -> dict[str, Any]:
        """Change the named settings; the others stay. None takes a setting back to its default.

        Raises Stale when ``expect_revision`` is given and somebody changed the connection since.
        """
        connection = self.find(ref)
        changed = merged(connection.settings, given)
        opened = dict.fromkeys(connection.sealed, "(sealed)")
        columns = {"name": connection.name, "type": connection.type, "mode": connection.mode}
        checked = self._checked(opened | columns | changed)
        if connection.from_file and not given.keys() <= {"enabled"}:
            raise Misconfigured(f"{connection.name} is kept equal to the configuration file; change it there")
        plain, sealed = self._parted(connection.id, connection.type, changed)
        kept = {
            name: text
            for name, text in connection.sealed.items()
            if name not in changed and name not in given
        }
        now = self._wires.clock()
        with self._wires.database.write() as conn:
            _check_revision(store.get(conn, connection.id), expect_revision or shapes.revision(connection))
            store.update(
                conn,
                connection.id,
                now=now,
                settings=plain,
                sealed=kept | sealed,
                name=checked.name,
                mode=checked.mode,
                **({"enabled": checked.enabled} if "enabled" in given else {}),
                **_anew(connection, now, scheduled="schedule" in given),
            )
            stored = store.get(conn, connection.id)
            before, after = _audited(connection), _audited(stored) | _given_anew(sealed)
            self._note(conn, "connections.set", stored, before, after)
        return self.show(connection.id)

    def find(self, ref: str) -> Connection:
        with self._wires.database.read() as conn:
            return store.find(conn, ref)

    def all(self) -> list[Connection]:
        with self._wires.database.read() as conn:
            return store.listed(conn)

    def listed(
        self,
        *,
        search: str | None = None,
        type: str | None = None,
        state: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> list[dict[str, Any]]:
        """Connections by name, those after the name ``after``; ``search`` is part of a name, in any case."""
        part = (search or "").casefold()
        chosen = [
            each
            for each in self.all()
            if part in each.name.casefold()
            and type in (None, each.type)
            and state in (None, each.state)
            and (after is None or each.name > after)
        ]
        with self._wires.database.read() as conn:
            counted = standing.tallies(conn)
        return [self._shape(each, counted) for each in chosen[:limit]]

    def names(self) -> list[str]:
        """The names of all connections, in their order."""
        return [each.name for each in self.all()]

    def show(self, ref: str) -> dict[str, Any]:
        connection = self.find(ref)
        with self._wires.database.read() as conn:
            return self._shape(connection, standing.tallies(conn))

    def pause(self, ref: str, *, paused: bool) -> dict[str, Any]:
        """Stop pulling, or go on: at once where the runs had failed."""
        connection, now = self.find(ref), self._wires.clock()
        with self._wires.database.write() as conn:
            again = {} if paused else _anew(connection, now)
            store.update(conn, connection.id, now=now, enabled=not paused, **again)
            action = "connections.pause" if paused else "connections.resume"
            self._note(conn, action, connection, {"enabled": connection.enabled}, {"enabled": not paused})
        return self.show(connection.id)

    def remove(self, ref: str, users: str, *, by: str) -> dict[str, Any]:
        """Let a directory go; ``users`` says what becomes of its people: keep, suspend, handover:OTHER.

        Raises Misconfigured, NotFound, and Conflict while a run is under way.
        """
        from sync.disconnect import Disconnect, Fate

        connection = self.find(ref)
        fate, _, other = users.partition(":")
        heir = self.find(other) if fate == Fate.HANDOVER else None
        if heir is not None and heir.id == connection.id:
            raise Misconfigured("a connection cannot hand its people over to itself; name another one")
        if any(each.name == connection.name for each in self._wires.settings.connections):
            raise Misconfigured(
                f"{connection.name} stands in the configuration file; take it out there first"
            )
        self._come_to_rest(connection, by)
        Subscriptions(self._wires).end(connection)
        done = Disconnect(
            database=self._wires.database,
            connection=connection,
            policy=self._wires.policy_of(connection),
            fate=Fate(fate),
            by=by,
            now=self._wires.clock(),
            heir=heir,
        ).carry_out()
        said = {"users": users, "people": done.people, "suspended": done.suspended}
        said |= {"handed_over": done.handed_over}
        with self._wires.database.write() as conn:
            store.remove(conn, connection.id)
            meta.drop(conn, discovery_key(connection.id))
            self._note(conn, "connections.remove", connection, _audited(connection), said)
        return {"id": connection.id, "name": connection.name, "removed": True, **said}

    def _come_to_rest(self, connection: Connection, by: str) -> None:
        """Nothing more is asked for or pushed; what waits is cancelled. Conflict for what is running."""
        now = self._wires.clock()
        with self._wires.database.write() as conn:
            store.update(conn, connection.id, now=now, enabled=False)
            for run in runs.listed(conn, connection_id=connection.id, limit=10):
                if run.state is RunState.QUEUED:
                    runs.cancel_queued(conn, run.id, now=now, error=f"cancelled by {by}")
                elif run.state is RunState.RUNNING:
                    raise Conflict(
                        f"run {run.id} is under way; cancel it first: connector runs cancel {run.id}"
                    )

    def keep_equal_to_file(self) -> list[str]:
        """Make the configuration file's connections, or bring them up to it; the names of those touched.

        One that left the file is left alone: nothing is ever removed silently.
        """
        touched: list[str] = []
        with self._wires.database.write() as conn:
            known = {each.name: each for each in store.listed(conn)}
            touched += [
                configured.name
                for configured in self._wires.settings.connections
                if self._keep_equal(conn, configured, known.get(configured.name))
            ]
        return touched

    def _keep_equal(self, conn: Any, configured: ConnectionSettings, known: Connection | None) -> bool:
        now, plain = self._wires.clock(), _plain(configured)
        wanted = {"settings": plain, "mode": configured.mode, "enabled": configured.enabled}
        if known is None:
            made = store.add(
                conn,
                id=new_id(),
                name=configured.name,
                type=configured.type,
                mode=configured.mode,
                settings=plain,
                sealed={},
                managed_tag=self._wires.settings.tags.managed,
                from_file=True,
                now=now,
            )
            if not configured.enabled:
                store.update(conn, made.id, now=now, enabled=False)
            self._note(conn, "connections.add", made, after=_audited(made))
            return True
        if not known.from_file or known.type != configured.type:
            raise Misconfigured(
                f"the configuration file and the database both hold a connection named {configured.name}, "
                "and they are not the same one; give the one in the file another name"
            )
        if all(getattr(known, name) == value for name, value in wanted.items()):
            return False
        scheduled = known.settings.get("schedule") != plain.get("schedule")
        store.update(conn, known.id, now=now, **wanted, **_anew(known, now, scheduled=scheduled))
        changed = store.get(conn, known.id)
        self._note(conn, "connections.set", changed, _audited(known), _audited(changed))
        return True

    def _note(
        self,
        conn: Any,
        action: str,
        one: Connection,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        now = self._wires.clock()
        note(
            conn,
            action,
            now=now,
            kind="connection",
            id=one.id,
            label=one.name,
            connection_id=one.id,
            before=before,
            after=after,
        )

    def scim_url(self, connection: Connection) -> str:
        return f"{self._wires.settings.url}/scim/v2/{connection.id}"

    def _shape(self, connection: Connection, counted: Mapping[tuple[str, str], int]) -> dict[str, Any]:
        people, groups = (counted.get((connection.id, kind), 0) for kind in ("User", "Group"))
        further = {"scim_base_url": self.scim_url(connection), "directory_users": people, "groups": groups}
        return shapes.connection(connection, further)

    def _checked(self, given: Mapping[str, Any]) -> ConnectionSettings:
        return connection_from(resolve(dict(given)))

    def _parted(
        self, connection_id: str, type: str, given: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """What may be stored as it is, references among it, and what is sealed."""
        hidden = secret_names(type)
        plain = {
            name: value
            for name, value in given.items()
            if name not in _COLUMNS and (name not in hidden or is_reference(value))
        }
        secrets = {name: str(given[name]) for name in hidden & given.keys() if name not in plain}
        return plain, {name: self._wires.keyring.seal(connection_id, text) for name, text in secrets.items()}


def parse_assignments(pairs: list[str], type: str | None = None) -> dict[str, Any]:
    """``key=value`` words as nested settings: ``schedule.full=24h`` is schedule → full. Raises Misconfigured.

    An empty value takes the setting back to its default; ``[]`` is the empty list.
    """
    given: dict[str, Any] = {}
    for pair in pairs:
        path, equals, value = pair.partition("=")
        if not equals or not path:
            close = hint(path, TYPES[type].model_fields) if type in TYPES else ""
            raise Misconfigured(f"--set {pair}: write it as key=value{close}")
        *above, last = path.split(".")
        inner = given
        for step in above:
            inner = inner.setdefault(step, {})
            if not isinstance(inner, dict):
                raise Misconfigured(f"--set {pair}: {step} was set to a value before and has no keys in it")
        inner[last] = [] if value.strip() == "[]" else value or None
    return given


def merged(stored: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Stored settings with the given ones put in, section by section; None takes one out."""
    result = dict(stored)
    for name, value in given.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            known = result.get(name)
            result[name] = merged(known if isinstance(known, Mapping) else {}, value)
            if known is None and value and not result[name]:
                del result[name]
        else:
            result[name] = value
    return result


def discovery_key(connection_id: str) -> str:
    """Where the last discovery report of a connection is kept."""
    return f"discovery {connection_id}"


def _check_revision(stored: Connection, expected: str) -> None:
    if shapes.revision(stored) != expected:
        raise Stale(f"somebody changed {stored.name} since you read it; look at it again, then change it")


def _anew(connection: Connection, now: datetime, *, scheduled: bool = False) -> dict[str, Any]:
    """What somebody's word makes new: the times of another schedule, the wait of runs that had failed."""
    columns: dict[str, Any] = {"next_full_at": None, "next_delta_at": None} if scheduled else {}
    return columns | ({} if connection.trouble is None else {"retry_at": now})


def _audited(one: Connection) -> dict[str, Any]:
    """What the audit keeps of a connection: its settings side by side, and which secrets are sealed."""
    columns = {"name": one.name, "type": one.type, "mode": one.mode.value, "enabled": one.enabled}
    return {**columns, **one.settings, "sealed": sorted(one.sealed)}


def _given_anew(sealed: Mapping[str, str]) -> dict[str, Any]:
    return {"given_anew": sorted(sealed)} if sealed else {}


def _plain(configured: ConnectionSettings) -> dict[str, Any]:
    hidden = secret_names(configured.type)
    return configured.model_dump(mode="json", exclude_unset=True, exclude={*hidden, *_COLUMNS})
