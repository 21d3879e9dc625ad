"""The verb that runs the daemon."""

from __future__ import annotations

import os
from contextlib import ExitStack

import click

from connector.cli.door import Door, Verb, example, verb
from connector.cli.exits import ExitCode


@click.command(
    cls=Verb,
    epilog=example("connector serve --host 0.0.0.0 --port 8080", "connector serve --role worker --port 8081"),
)
@click.option("--host", metavar="H", help="Address to listen on; default from `listen`.")
@click.option("--port", type=click.IntRange(0, 65535), metavar="P", help="Port; 0 takes a free one.")
@click.option(
    "--role",
    type=click.Choice(["all", "web", "worker"]),
    default="all",
    show_default=True,
    help="web answers and does no runs; worker does runs and deliveries, and answers probes only.",
)
@verb
def serve(door: Door, host: str | None, port: int | None, role: str) -> int:
    """Run the daemon: pulls by schedule, SCIM endpoint, page and metrics; ends on SIGTERM within 5 s.

    Any number of them may share one PostgreSQL. SIGUSR1 asks for a pull of every connection.
    """
    import structlog

    from connector.app import App
    from connector.daemon import Role, listen
    from connector.daemon import serve as serve_app
    from connector.settings import unknown_variables
    from connector.telemetry import configure_logs
    from connector.tracing import start_tracing

    settings = door.settings
    chosen = f"{host or settings.host}:{settings.port if port is None else port}"
    if host is not None and ":" in host:
        chosen = f"[{host}]:{settings.port if port is None else port}"
    configure_logs(settings.log.format, settings.log.level)
    for sentence in unknown_variables(os.environ):
        structlog.get_logger("connector.settings").warning(sentence)
    listener, settings = listen(settings.model_copy(update={"listen": chosen}))
    with listener, ExitStack() as ending, App(settings) as app:
        ending.callback(start_tracing(os.environ))
        if role != "worker" and app.accounts.needs_set_up():
            tell_set_up(app.accounts.link(by=door.by)["link"])
        serve_app(app, listener, role=Role(role))
    return ExitCode.DONE


def tell_set_up(link: str) -> None:
    """Where to make the first account; on stderr, where no log's format reaches it."""
    click.echo(f"Nobody can sign in to the console yet. Make the first account at {link}", err=True)
