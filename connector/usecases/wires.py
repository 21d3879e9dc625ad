"""What every use case stands on: settings, database, clock, key, and a connection's settings opened."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

import orjson

from connector import keyring
from connector.connection_settings import ConnectionSettings
from connector.directory_settings import secret_names
from connector.durations import span
from connector.metrics import Meters
from connector.references import resolve
from connector.settings import Settings, connection_from
from connector.usecases.remembered import Remembered
from sync import group_rules
from sync.mapping import map_of
from sync.model.administration import Administration
from sync.model.connection import Connection, Policy
from sync.model.errors import Misconfigured
from sync.model.resources import fold
from sync.model.source import Effort, Source, Wanted
from sync.store import pictures
from sync.store.database import Database

_OURS = frozenset(ConnectionSettings.model_fields) - {"picture_attribute"}
"""Settings that are for the engine; the others are the provider's."""

_READ_ANEW = ("scope", "attributes", "groups", "matching", "picture_attribute", "email_from")
"""Settings that change what a record means: stored fingerprints made under others do not count."""

ADMINISTRATION_LIMIT_S: Final = 30.0


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(kw_only=True)
class Wires:
    """One process's settings and resources. Not frozen: the keyring is read when first needed."""

    settings: Settings
    database: Database
    clock: Callable[[], datetime] = utc_now
    meters: Meters = field(default_factory=Meters)
    remembered: Remembered = field(default_factory=Remembered)

    @cached_property
    def keyring(self) -> keyring.Keyring:
        given = self.settings.key
        return keyring.load(given.get_secret_value() if given else None, self.settings.key_path)

    def settings_of(self, connection: Connection, *, secrets: bool = False) -> ConnectionSettings:
        """The connection's settings checked; with ``secrets`` its credentials are opened too.

        A connection of the configuration file has its credentials there and nowhere else.
        Raises Misconfigured.
        """
        if connection.from_file and secrets:
            for configured in self.settings.connections:
                if configured.name == connection.name:
                    return configured
            raise Misconfigured(
                f"{connection.name} came from the configuration file and is not in it any more: put it back, "
                f"give it credentials (connector connections set {connection.name} …), or remove it"
            )
        values: dict[str, Any] = dict(connection.settings)
        if secrets:
            opened = {
                name: self.keyring.open(connection.id, text) for name, text in connection.sealed.items()
            }
            values = resolve(values) | opened
        columns = {"name": connection.name, "type": connection.type, "enabled": connection.enabled}
        columns["mode"] = connection.mode
        return connection_from(values | columns, f"connection {connection.name}: ", has_secrets=secrets)

    def policy_of(self, connection: Connection) -> Policy:
        """The rules by which the connection's changes are decided."""
        chosen = self.settings_of(connection)
        template = chosen.groups.template if chosen.groups.template is not None else self.settings.tags.group
        meaning = chosen.model_dump(mode="json", include=set(_READ_ANEW)) | {"tag": template}
        return Policy(
            adopt=chosen.matching.adopt,
            verified_domains=tuple(domain.lower() for domain in chosen.matching.verified_domains),
            tag_template=template or None,
            tag_managed=connection.managed_tag,
            rank=chosen.rank,
            active_rule=chosen.active_rule,
            seat_limit=self.settings.seats.limit,
            seats_count_unmanaged=self.settings.seats.count_unmanaged,
            push_brake=chosen.push_brake,
            external_id_is_the_idps=connection.type == "okta" and not chosen.matching.external_id,
            email_from=chosen.email_from,
            groups_include=chosen.groups.include,
            groups_exclude=chosen.groups.exclude,
            mapping=chosen.mapping,
            grace=span(chosen.grace) if chosen.grace else None,
            safeguards=chosen.safeguards.to_model(),
            apply_harmless_when_held=chosen.apply_harmless_when_held,
            protected=frozenset(filter(None, map(fold, self.settings.protected))),
            salt=hashlib.sha256(orjson.dumps(meaning, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16],
        )

    def open_source(
        self,
        connection: Connection,
        *,
        observer: Callable[[Effort], None] | None = None,
        stop: Callable[[], bool] = lambda: False,
        limit_s: float | None = None,
    ) -> Source:
        """The provider opened with the credentials; its time begins now. Raises Misconfigured."""
        from providers import registry

        chosen = self.settings_of(connection, secrets=True)
        wanted = wanted_by(self.policy_of(connection))
        if getattr(chosen, "photos", False):
            wanted = replace(wanted, picture=self._pictures_of(connection))
        budget_s = limit_s or span(chosen.time_limit).total_seconds()
        return registry.open_source(
            connection.type,
            provider_settings(chosen),
            budget_s=budget_s,
            observer=observer,
            stop=stop,
            wanted=wanted,
        )

    @contextmanager
    def administration(self, connection: Connection) -> Iterator[Administration]:
        """What is asked of the directory for an admin. Raises Misconfigured where there is no such thing."""
        from providers import registry

        chosen = self.settings_of(connection, secrets=True)
        opened = registry.open_administration(
            connection.type, provider_settings(chosen), budget_s=ADMINISTRATION_LIMIT_S
        )
        try:
            yield opened
        finally:
            opened.close()

    def _pictures_of(self, connection: Connection) -> Callable[[str], str | None]:
        """The address of the picture that is kept of a person, by external id."""
        with self.database.read() as conn:
            kept = pictures.digests(conn, connection.id)
        served = f"{self.settings.url}{pictures.PATH}"
        return lambda who: f"{served}{kept[who]}" if who in kept else None


def wanted_by(policy: Policy) -> Wanted:
    """What the policy's mapping and group rules ask of a provider."""
    fields = map_of(policy)
    return Wanted(
        attributes=fields.wanted if fields else frozenset(), group=group_rules.rules_of(policy).wanted
    )


def provider_settings(chosen: ConnectionSettings) -> dict[str, Any]:
    """The type's own settings with credentials in clear, as the provider takes them; unset ones left out."""
    hidden = secret_names(chosen.type)
    given = {name: getattr(chosen, name) for name in type(chosen).model_fields if name not in _OURS}
    return {
        name: value.get_secret_value() if name in hidden else value
        for name, value in given.items()
        if value is not None and name in chosen.model_fields_set
    }
