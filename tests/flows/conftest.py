"""The command line called in this process, with real databases and a simulated Okta beside it."""

import contextlib
import io
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connector.__main__ import main
from providers.simulator import server
from providers.simulator.server import Simulator
from tests.flows.receivers import Receiver, receiving


@dataclass(frozen=True, slots=True)
class Ended:
    """How a verb ended: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Ended]


@pytest.fixture(autouse=True)
def _clean_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A directory of its own, and the logging that verbs set up taken down again."""
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before


@pytest.fixture
def run_verb() -> Cli:
    """Calls `connector ARGUMENTS...` with the environment as it is."""

    def run(*arguments: str) -> Ended:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(arguments)
        return Ended(code, out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def cli(run_verb: Cli, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """The same on an empty database of each kind."""
    surround(monkeypatch, database_url, tmp_path)
    return run_verb


@pytest.fixture
def cli_at_first(
    run_verb: Cli, new_database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Cli:
    """The same where nobody has made any tables yet."""
    surround(monkeypatch, new_database_url, tmp_path)
    return run_verb


@pytest.fixture
def cli_on_sqlite(run_verb: Cli, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """The same on SQLite alone, for what has nothing to do with the database."""
    surround(monkeypatch, sqlite_url, tmp_path)
    return run_verb


def surround(monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path) -> None:
    monkeypatch.setenv("CONNECTOR_DATABASE_URL", database_url)
    monkeypatch.setenv("CONNECTOR_KEY_FILE", str(tmp_path / "connector.key"))
    # Nobody listens on port 1, so no daemon of this machine's is taken for ours.
    monkeypatch.setenv("CONNECTOR_LISTEN", "127.0.0.1:1")


@pytest.fixture
def okta() -> Iterator[Simulator]:
    """A simulated Okta of 120 people in 6 groups."""
    with server.start("okta", users=120, groups=6, seed=7) as simulator:
        yield simulator


def settings_of(simulator: Simulator) -> list[str]:
    """The --set options that connect to a simulator."""
    told = {"base_url": simulator.base_url, **simulator.credentials}
    return [word for key, value in told.items() for word in ("--set", f"{key}={value}")]


@pytest.fixture
def connect(okta: Simulator) -> Callable[..., dict[str, Any]]:
    """Adds the simulated Okta as a connection; the answer of `connections add`."""

    def add(cli: Cli, name: str = "acme", *further: str) -> dict[str, Any]:
        ended = cli("connections", "add", name, "--type", "okta", *settings_of(okta), *further, "--json")
        assert ended.code == 0, ended.err
        answer: dict[str, Any] = ended.json
        return answer

    return add


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Somebody who takes webhooks and accepts every one."""
    with receiving() as made:
        yield made
