"""The composition root: one object per process that holds every use case; doors call nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from connector.oidc import Provider
from connector.settings import Settings
from connector.usecases import shown_settings
from connector.usecases.accounts import Accounts
from connector.usecases.attention import Attention, Freezes
from connector.usecases.audit import Audit
from connector.usecases.bundle import Bundle
from connector.usecases.configuration import Configuration
from connector.usecases.connections import Connections
from connector.usecases.dashboard import Dashboard
from connector.usecases.doctor import Doctor
from connector.usecases.figures import Figures
from connector.usecases.hooks import Hooks
from connector.usecases.keys import Keys
from connector.usecases.notices import Notices
from connector.usecases.overview import Overview
from connector.usecases.people import People
from connector.usecases.photos import Photos
from connector.usecases.plans import Plans
from connector.usecases.rehearsals import Rehearsals
from connector.usecases.repeats import Repeats
from connector.usecases.replicas import Replicas
from connector.usecases.request_log import RequestLog
from connector.usecases.retention import Retention
from connector.usecases.runs import Runs, daemon_answers
from connector.usecases.schedules import Schedules
from connector.usecases.signing_in import SigningIn
from connector.usecases.subscriptions import Subscriptions
from connector.usecases.tokens import Tokens
from connector.usecases.trials import Trials
from connector.usecases.webhooks import Webhooks
from connector.usecases.wires import Wires, utc_now
from connector.usecases.work import Worker
from sync.store import backup, migrate
from sync.store.database import Database
from sync.store.waking import Doorbell


class App:
    """The list of use cases, by noun.

    The database is brought to this version's tables when it is opened. Close it, or use it in a
    ``with`` block.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> None:
        self.settings = settings
        self.wires = Wires(settings=settings, database=_opened(settings), clock=clock)
        self.connections = Connections(self.wires)
        self.configuration = Configuration(self.wires)
        self.tokens = Tokens(self.wires)
        self.trials = Trials(self.wires)
        self.runs = Runs(self.wires)
        self.subscriptions = Subscriptions(self.wires)
        self.hooks = Hooks(self.wires, self.runs, self.subscriptions)
        self.plans = Plans(self.wires)
        self.rehearsals = Rehearsals(self.wires)
        self.attention = Attention(self.wires)
        self.freezes = Freezes(self.wires)
        self.people = People(self.wires)
        self.overview = Overview(self.wires)
        self.doctor = Doctor(self.wires)
        self.bundle = Bundle(self.wires)
        self.dashboard = Dashboard(self.wires)
        self.figures = Figures(self.wires, self.dashboard)
        self.schedules = Schedules(self.wires)
        self.worker = Worker(self.wires)
        self.webhooks = Webhooks(self.wires)
        self.notices = Notices(self.wires)
        self.retention = Retention(self.wires)
        self.replicas = Replicas(self.wires)
        self.request_log = RequestLog(self.wires)
        self.accounts = Accounts(self.wires)
        self.signing_in = SigningIn(self.wires)
        self.keys = Keys(self.wires)
        self.audit = Audit(self.wires)
        self.repeats = Repeats(self.wires)
        self.photos = Photos(self.wires)
        self.sign_in_provider = Provider(settings.oidc) if settings.oidc else None

    def daemon_answers(self) -> bool:
        """Whether a daemon answers at the address these settings name."""
        return daemon_answers(self.settings)

    def doorbell(self) -> Doorbell:
        """Rings when another process, or this one, may have work for this one."""
        return Doorbell(self.wires.database)

    def shown_settings(self) -> dict[str, Any]:
        """The settings as they came out of file and environment, secrets masked."""
        return shown_settings.shown(self.settings)

    def listed_settings(self) -> list[dict[str, Any]]:
        """The same, a row for each."""
        return shown_settings.listed(self.settings)

    def database_state(self) -> dict[str, Any]:
        return _state(self.wires.database)

    def close(self) -> None:
        if self.sign_in_provider is not None:
            self.sign_in_provider.close()
        self.rehearsals.close()
        self.request_log.close()
        self.wires.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def check_database(settings: Settings) -> dict[str, Any]:
    """What version the database has and needs, changing nothing. Raises Transient, Misconfigured."""
    database = Database(settings.database_url)
    try:
        return _state(database)
    finally:
        database.close()


def back_up(settings: Settings, file: Path) -> None:
    """Copy the database, of whatever version it is, into a new file while everything goes on."""
    backup.write(settings.database_url, file)


def _opened(settings: Settings) -> Database:
    """The database, brought to this version's tables."""
    # Every worker may hold a connection, and the doors need theirs besides.
    database = Database(settings.database_url, pool_size=settings.runs.at_once + 8)
    try:
        migrate.upgrade(database)
    except BaseException:
        database.close()
        raise
    return database


def _state(database: Database) -> dict[str, Any]:
    return {"version": migrate.current(database), "needed": migrate.HEAD}
