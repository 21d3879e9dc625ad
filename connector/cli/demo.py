"""The verb that shows the product at work."""

from __future__ import annotations

import click

from connector.cli.door import Verb, example
from connector.cli.exits import ExitCode


@click.command(
    cls=Verb, epilog=example("connector demo", "connector demo --type azure", "connector demo --once --json")
)
@click.option(
    "--type",
    "type_",
    default="okta",
    show_default=True,
    metavar="T",
    help="The company's directory: okta, azure, onelogin, jumpcloud, scim. A smaller second one is another.",
)
@click.option("--once", is_flag=True, help="End when the story is told, instead of serving on.")
@click.option("--port", type=click.IntRange(0, 65535), help="Default: 8080, or a free one if it is taken.")
@click.option("--database", metavar="URL", help="Keep the result here; default: a temporary database.")
@click.option("--json", "is_json", is_flag=True, help="The figures as one JSON document on stdout.")
def demo(type_: str, port: int | None, database: str | None, *, once: bool, is_json: bool) -> int:
    """Show the product at work on two simulated directories, on loopback and without an account anywhere."""
    from connector import demo as story

    figures = story.run(type_, once=once, as_json=is_json, port=port, database=database)
    if is_json:
        import orjson

        click.echo(orjson.dumps(figures, option=orjson.OPT_INDENT_2).decode())
    return ExitCode.DONE
