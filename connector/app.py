"""The composition root: one object per process that holds every use case; doors call nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Self

from connector.settings import Settings
from connector.usecases.connections import Connections
from connector.usecases.doctor import Doctor
from connector.usecases.people import Overview, People
from connector.usecases.plans import Plans
from connector.usecases.runs import Runs
from connector.usecases.tokens import Tokens
from connector.usecases.wires import Wires, utc_now
from connector.usecases.work import Worker
from sync.store.database import Database


class App:
    """The list of use cases, by noun.

    The database is brought to this version's tables when it is opened. Close it, or use it in a
    ``with`` block.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> None:
        from sync.store.migrate import upgrade

        database = Database(settings.database_url)
        try:
            upgrade(database)
        except BaseException:
            database.close()
            raise
        self.wires = Wires(settings=settings, database=database, clock=clock)
        self.settings = settings
        self.connections = Connections(self.wires)
        self.tokens = Tokens(self.wires)
        self.runs = Runs(self.wires)
        self.plans = Plans(self.wires)
        self.people = People(self.wires)
        self.overview = Overview(self.wires)
        self.doctor = Doctor(self.wires)
        self.worker = Worker(self.wires)

    def close(self) -> None:
        self.wires.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
