"""The reference of the command line, written from the verbs themselves."""

from __future__ import annotations

from collections.abc import Iterator

import click

from connector.cli.root import root

_HEAD = """\
# Command line

Every verb, as `--help` says it. Each takes `--json` (one JSON document on standard output, logs on standard error) and `--config FILE`.

| exit code | means |
|---|---|
| 0 | done, or nothing to do |
| 1 | the call or the configuration is wrong |
| 2 | changes are pending (a plan, a dry run, a drift report) |
| 3 | held by a safeguard |
| 4 | the read was partial, or some items failed |
| 5 | denied, or in quarantine |
"""


def verbs() -> Iterator[tuple[str, click.Command]]:
    """("connections add", its command) for every verb, in the order of the help."""
    yield from _below(root, "")


def _below(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _below(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


def page() -> str:
    """The whole page as Markdown."""
    parts = [_HEAD]
    for name, command in verbs():
        # With the root's own settings, as when it is called: a verb keeps the help option it first had.
        context = click.Context(
            command,
            info_name=f"connector {name}",
            terminal_width=100,
            max_content_width=100,
            **root.context_settings,
        )
        parts.append(f"## connector {name}\n\n```text\n{command.get_help(context).rstrip()}\n```\n")
    return "\n".join(parts)
