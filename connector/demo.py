"""The product at work on two simulated directories: where it runs, and how it stays."""

from __future__ import annotations

import contextlib
import socket
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import click

from connector.app import App
from connector.daemon import serve
from connector.demo_directories import directories
from connector.demo_server import Served, listen
from connector.demo_story import BY, Story
from connector.settings import Seats, Settings
from connector.telemetry import configure_logs
from sync.model.access import Role

SEATS: Final = 1200
PORT: Final = 8080


def run(
    type_name: str, *, once: bool, as_json: bool, port: int | None, database: str | None
) -> dict[str, Any]:
    """Tell the story once; without ``once`` the daemon and the console then run until ctrl-C.

    The company's directory is of the type ``type_name``; that of the company it buys is another.
    ``database`` is a URL of an empty database, else a temporary one is made. With ``as_json`` the
    story goes to stderr. Answers the figures by the demo's JSON contract. Raises ConnectorError.
    """
    began = time.perf_counter()
    configure_logs("console", "warning")
    with contextlib.ExitStack() as open_things:
        sock = open_things.enter_context(listen(_port(port, once=once), must=port is not None))
        folder = Path(open_things.enter_context(tempfile.TemporaryDirectory(prefix="connector-demo-")))
        address = f"127.0.0.1:{sock.getsockname()[1]}"
        settings = Settings(
            database_url=database or f"sqlite:///{folder / 'connector.db'}",
            key_file=None if database else str(folder / "connector.key"),
            listen=address,
            public_url=None,
            api_key=None,
            seats=Seats(limit=SEATS),
            connections=(),
        )
        ours, theirs = open_things.enter_context(directories(type_name))
        app = open_things.enter_context(App(settings))
        story = Story(app=app, ours=ours, theirs=theirs, say=lambda text="": click.echo(text, err=as_json))
        with Served(app, sock):
            figures = story.tell() | {"seconds": round(time.perf_counter() - began, 2)}
        if not once:
            _stay(sock, story, figures)
    return figures


def _port(port: int | None, *, once: bool) -> int:
    return port if port is not None else 0 if once else PORT


def _stay(sock: socket.socket, story: Story, figures: dict[str, Any]) -> None:
    page = story.app.accounts.add("you@example.com", Role.ADMIN, by=BY, name="You")["link"]
    story.say()
    story.say(
        f"All of this took {figures['seconds']} s. The daemon runs on; what waits for you is on the page:"
    )
    story.say(f"  page       {page}")
    story.say("             (signs you in once; another one: connector admin link you@example.com)")
    for each in story.connected:
        story.say(f"  simulator  {each.idp.base_url}/_sim/state ({each.label})")
    story.say("  another terminal:")
    story.say(f"    export CONNECTOR_DATABASE_URL={story.app.settings.database_url}")
    story.say(f"    export CONNECTOR_KEY_FILE={story.app.settings.key_path}")
    story.say("    connector status")
    story.say("press ctrl-C to stop")
    serve(story.app, sock)


__all__ = ["run"]
