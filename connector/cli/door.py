"""What every verb shares: --json, --config, the app opened when needed, and how answers are shown."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from connector.acting import acting
from connector.nearest import hint

if TYPE_CHECKING:
    from connector.app import App
    from connector.operations.remote import Remote
    from connector.settings import Settings
    from sync.model.access import Actor

PAGE = 500
F = TypeVar("F", bound=Callable[..., Any])


class Door:
    """One verb's way into the program."""

    def __init__(
        self,
        config: str | None,
        *,
        is_json: bool,
        server: str | None = None,
        api_key: str | None = None,
        given: dict[str, Any] | None = None,
    ) -> None:
        self.config, self.is_json, self.is_csv = config, is_json, False
        self.server, self.api_key = server, api_key
        self.given = given or {}
        self.stack = ExitStack()

    @cached_property
    def settings(self) -> Settings:
        from connector.settings import load

        return load(self.config, **self.given)

    @cached_property
    def remote(self) -> Remote | None:
        """The daemon elsewhere that is to do it; None to do it here, on the database."""
        server = self.server or os.environ.get("CONNECTOR_SERVER")
        if not server:
            return None
        from contextlib import closing

        from connector.operations.remote import Remote

        key = self.api_key or os.environ.get("CONNECTOR_API_KEY")
        return self.stack.enter_context(closing(Remote(server, key)))

    @cached_property
    def app(self) -> App:
        if self.remote is not None:
            raise click.UsageError(
                "this verb works on the machine of the database; leave --server (CONNECTOR_SERVER) out"
            )
        from connector.app import App
        from connector.telemetry import configure_logs

        # A verb answers for itself; only what goes wrong is worth a log line beside the answer.
        configure_logs(self.settings.log.format, "debug" if self.settings.log.level == "debug" else "warning")
        return self.stack.enter_context(App(self.settings))

    @cached_property
    def actor(self) -> Actor:
        """Who asks, for the record: a user of this machine, who has the database in hand."""
        from sync.model.access import Actor, Role, Via

        try:
            name = getpass.getuser()
        except (KeyError, OSError):
            name = "unknown"
        return Actor(name=name, via=Via.CLI, role=Role.ADMIN)

    @property
    def by(self) -> str:
        return self.actor.by

    def ask(self, operation: str, /, **given: Any) -> Any:
        """An operation's answer; arguments that are None are not given. Raises ConnectorError."""
        from connector.operations import table
        from connector.operations.local import carry_out

        wanted = {key: value for key, value in given.items() if value is not None}
        if self.remote is not None:
            return self.remote.carry_out(table.find(operation), wanted)
        return carry_out(self.app, self.actor, table.find(operation), wanted)

    def every(self, operation: str, rows: str, /, **given: Any) -> dict[str, Any]:
        """A list in all its pages: the first page's answer with the rows of all."""
        found = self.ask(operation, limit=PAGE, **given)
        after = found["next"]
        while after is not None:
            page = self.ask(operation, limit=PAGE, after=after, **given)
            found[rows] += page[rows]
            after = page["next"]
        return {name: value for name, value in found.items() if name != "next"}

    def show(self, document: Any, human: Callable[[], str]) -> None:
        """One JSON document, CSV of the rows of a list, or the text for people."""
        if self.is_csv:
            from connector import spreadsheet

            rows = next(each for each in document.values() if isinstance(each, list))
            click.echo("".join(spreadsheet.lines(rows)), nl=False)
        elif self.is_json:
            import orjson

            # The keys of database rows are a kind of str that only this option takes.
            options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
            click.echo(orjson.dumps(document, option=options, default=str).decode())
        else:
            text = human()
            if text:
                click.echo(text)


class Verb(click.Command):
    """A command that names the nearest option to a wrong one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            known = [option for parameter in self.get_params(ctx) for option in parameter.opts]
            close = hint(error.option_name, [name for name in known if name.startswith("--")])
            raise click.UsageError(f"there is no option {error.option_name}{close}", ctx) from None


def verb(function: F) -> F:
    """Give a verb its common options and a Door as first argument."""

    @click.option("--json", "is_json", is_flag=True, help="One JSON document on stdout.")
    @click.option(
        "--config", metavar="FILE", help="Settings file; default: CONNECTOR_CONFIG, then ./config.yaml."
    )
    @click.option(
        "--server", metavar="URL", help="A daemon elsewhere to ask, through its API; or CONNECTOR_SERVER."
    )
    @click.option("--api-key", metavar="KEY", help="Its API key; better: CONNECTOR_API_KEY.")
    @wraps(function)
    def wrapped(
        *args: Any,
        is_json: bool,
        config: str | None,
        server: str | None,
        api_key: str | None,
        **kwargs: Any,
    ) -> Any:
        door = Door(config, is_json=is_json, server=server, api_key=api_key)
        with door.stack:
            door.stack.enter_context(acting(door.actor))
            return function(door, *args, **kwargs)

    return wrapped  # type: ignore[return-value]


def example(*lines: str) -> str:
    """The end of a verb's help, kept as it is written."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], empty: str = "none") -> str:
    """Rows as people read them: aligned columns, with a line under the headers on a terminal."""
    texts = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if not texts:
        return empty
    if sys.stdout.isatty():
        return _rich_table(headers, texts)
    widths = [max(map(len, column)) for column in zip(headers, *texts, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in [headers, *texts]
    ]
    return "\n".join(line.rstrip() for line in lines)


def _rich_table(headers: Sequence[str], texts: Sequence[Sequence[str]]) -> str:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(*headers, box=SIMPLE_HEAD, pad_edge=False)
    for row in texts:
        shown.add_row(*map(Text, row))
    console = Console()
    with console.capture() as captured:
        console.print(shown)
    return captured.get().rstrip("\n")


def facts(pairs: Iterable[tuple[str, object]]) -> str:
    """Names and values below each other."""
    shown = [(name, "-" if value is None else str(value)) for name, value in pairs]
    width = max(len(name) for name, _ in shown)
    return "\n".join(f"{name.ljust(width)}  {value}" for name, value in shown)
