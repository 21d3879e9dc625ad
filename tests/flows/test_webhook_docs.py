"""docs/build/webhooks.md: its script runs, its example and its list are those of the program."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.flows.conftest import Cli

DOCS = Path(__file__).parents[2] / "docs" / "build"
GOLDEN = Path(__file__).parents[1] / "golden" / "events"


class Script:
    """docs/build/receive_webhooks.py as a process of its own."""

    def __init__(self, secret: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(DOCS / "receive_webhooks.py"), "0"],
            env=os.environ | {"WEBHOOK_SECRET": secret},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self.line().removeprefix("listening on ")

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def close(self) -> None:
        self.process.kill()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process.wait()


@pytest.fixture
def open_cli(cli_on_sqlite: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setenv("CONNECTOR_WEBHOOKS__ALLOW_PRIVATE", "true")
    return cli_on_sqlite


def test_the_script_of_the_page_receives(open_cli: Cli) -> None:
    """The script takes what is signed with its secret, and nothing else."""
    # The address is known only when the script listens, and the secret only when the address is known.
    made = open_cli("webhooks", "add", "http://127.0.0.1:1/", "--json").json
    script = Script(made["secret"])
    try:
        assert httpx.post(script.url, content=b"{}").status_code == 401
        _move(made["id"], script.url)
        assert open_cli("webhooks", "test", made["id"]).code == 0
        assert script.line() == "0 webhook.test"
        other = open_cli("webhooks", "add", script.url + "other", "--json").json
        refused = open_cli("webhooks", "test", other["id"], "--json")
        assert (refused.code, refused.json["status"]) == (4, 401)
    finally:
        script.close()


def _move(endpoint_id: str, url: str) -> None:
    """Give the endpoint another address, as nobody but a test needs to."""
    import sqlalchemy as sa

    from connector.settings import load
    from sync.store import schema
    from sync.store.database import Database

    database = Database(load().database_url)
    moved = sa.update(schema.endpoint).where(schema.endpoint.c.id == endpoint_id).values(url=url)
    with database.write() as conn:
        conn.execute(moved)
    database.close()


def test_the_page_shows_a_true_example() -> None:
    """The event printed on the page is one as it is sent."""
    page = (DOCS / "webhooks.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```json\n(.*?)```", page, flags=re.DOTALL)
    assert shown == (GOLDEN / "user.suspended.json").read_text(encoding="utf-8")
