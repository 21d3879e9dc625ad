"""The verb that runs a simulated IdP."""

from __future__ import annotations

from typing import Any

import click

from connector.cli.door import Verb, example
from connector.cli.exits import ExitCode


@click.command(
    cls=Verb,
    epilog=example(
        "connector simulate --type okta --users 5000 --port 9001",
        "connector simulate --type okta --fault 'throttle(wait=8)'",
    ),
)
@click.option("--type", "type_", required=True, metavar="T", help="okta, azure, onelogin, jumpcloud, scim")
@click.option("--users", default=1000, show_default=True, type=click.IntRange(0))
@click.option("--groups", default=40, show_default=True, type=click.IntRange(0))
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same people.")
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="Default: a free one.")
@click.option("--name", metavar="NAME", help="The connection's name in the command that is printed.")
@click.option("--scenario", metavar="S", help="demo: odd people too; subsidiary: another domain.")
@click.option("--fault", "faults", multiple=True, metavar="NAME", help="Misbehave; /_sim/faults lists how.")
def simulate(type_: str, faults: tuple[str, ...], **chosen: Any) -> int:
    """Run a simulated IdP on loopback; its first line is the command that connects to it."""
    from providers.simulator import server

    try:
        server.run(type_, faults=faults, **chosen)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        raise click.UsageError(f"--port {chosen['port']}: {error.strerror}") from None
    return ExitCode.DONE
