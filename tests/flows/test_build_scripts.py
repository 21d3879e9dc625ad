"""The scripts of docs/build, run as an application developer would, against a real daemon."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.flows.conftest import Cli
from tests.flows.daemons import Daemon, serving_daemon

SCRIPTS = Path(__file__).parents[2] / "docs" / "build"


def run(name: str, *arguments: str, **surroundings: str) -> list[str]:
    """The lines a script prints until it ends."""
    command = [sys.executable, str(SCRIPTS / name), *arguments]
    ended = subprocess.run(
        command, env=os.environ | surroundings, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.splitlines()


@contextmanager
def following(file: Path, **surroundings: str) -> Iterator[Iterator[str]]:
    """The lines that follow_feed.py prints while the block lasts."""
    command = [sys.executable, str(SCRIPTS / "follow_feed.py"), str(file)]
    with subprocess.Popen(
        command, env=os.environ | surroundings, stdout=subprocess.PIPE, text=True
    ) as script:
        assert script.stdout is not None
        try:
            yield map(str.strip, script.stdout)
        finally:
            script.kill()


def people(cli: Cli) -> None:
    """Ann with a tag, Ben without, and Cy, who is suspended."""
    assert cli("users", "add", "ann@example.com", "--first", "Ann", "--tag", "beta").code == 0
    assert cli("users", "add", "ben@example.com").code == 0
    assert cli("users", "add", "cy@example.com", "--tag", "beta").code == 0
    assert cli("users", "suspend", "cy@example.com", "--reason", "left").code == 0


def doors(cli: Cli, daemon: Daemon) -> dict[str, str]:
    key = cli("keys", "add", "myapp", "--json").json["key"]
    return {"CONNECTOR_URL": daemon.url, "CONNECTOR_API_KEY": key}


def test_a_script_reads_the_views(cli: Cli, database_url: str) -> None:
    """Who is active and carries a tag, from both databases, by the columns that stay."""
    people(cli)
    url = database_url.removeprefix("sqlite:///").replace("postgresql+psycopg:", "postgresql:")
    assert run("read_views.py", url, "beta") == ["ann@example.com Ann -"]


def test_scripts_read_the_api_and_follow_the_feed(cli_on_sqlite: Cli, tmp_path: Path) -> None:
    """Everybody with their tags; each event once, and after a kill those behind the last."""
    people(cli_on_sqlite)
    with serving_daemon() as daemon:
        doors_ = doors(cli_on_sqlite, daemon)
        assert run("read_api.py", **doors_) == ["ann@example.com beta", "ben@example.com -"]
        with following(tmp_path / "access.db", **doors_) as lines:
            told = [next(lines) for _ in range(4)]
            cli_on_sqlite("users", "add", "dee@example.com")
            told.append(next(lines))
            cli_on_sqlite("users", "suspend", "dee@example.com", "--reason", "left")
            told.append(next(lines))
        cli_on_sqlite("users", "add", "eve@example.com")
        with following(tmp_path / "access.db", **doors_) as lines:
            again = next(line for line in lines if line not in told)
        assert daemon.terminate() == 0
    assert [line.split()[1:] for line in told] == [
        ["user.created", "ann@example.com"],
        ["user.created", "ben@example.com"],
        ["user.created", "cy@example.com"],
        ["user.suspended", "cy@example.com"],
        ["user.created", "dee@example.com"],
        ["user.suspended", "dee@example.com"],
    ]
    assert again.split()[1:] == ["user.created", "eve@example.com"]
