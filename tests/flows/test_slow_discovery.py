"""A discovery of a slow directory goes on beside whoever asked for it."""

import threading

import pytest
from starlette.concurrency import run_in_threadpool

from connector.app import App
from connector.settings import Settings
from sync.model.errors import Conflict, ConnectorError
from tests.serving import serving


class Slow:
    """A directory that answers nothing until it may, and then refuses."""

    def __init__(self) -> None:
        self.asked, self.may = threading.Event(), threading.Event()

    async def __call__(self, scope, _receive, send) -> None:
        if scope["type"] != "http":
            return
        self.asked.set()
        await run_in_threadpool(self.may.wait, 30)
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"errorCode":"E0000011"}'})


def test_a_slow_directory_is_followed_by_its_run(tmp_path):
    """The run shows that it reads, nobody asks twice meanwhile, and what it ended with is kept with it."""
    slow = Slow()
    settings = {"database_url": f"sqlite:///{tmp_path / 'c.db'}", "key_file": str(tmp_path / "key")}
    with serving(slow) as url, App(Settings.model_validate(settings)) as app:
        given = {"base_url": url, "api_token": "token"}
        made = app.connections.add("acme", "okta", given)
        first = app.rehearsals.begin_discovery("acme", by="ada")
        assert slow.asked.wait(10)
        (run,) = app.runs.listed("acme")
        assert (run["state"], run["trigger"], run["requested_by"]) == ("running", "discover", "ada")
        with pytest.raises(Conflict):
            app.rehearsals.begin_discovery(made["id"], by="bob").result(10)
        slow.may.set()
        with pytest.raises(ConnectorError) as refused:
            first.result(10)
        (run,) = app.runs.listed("acme")
    assert (run["state"], run["error"]) == ("failed", str(refused.value))
