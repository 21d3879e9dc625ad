"""The verb that prints what a shell needs to complete verbs and options."""

from __future__ import annotations

import click

from connector.cli.door import Door, Verb, example, verb
from connector.cli.exits import ExitCode

_WHERE = {
    "bash": 'eval "$(connector completion bash)" in ~/.bashrc',
    "zsh": 'eval "$(connector completion zsh)" in ~/.zshrc',
    "fish": "connector completion fish > ~/.config/fish/completions/connector.fish",
}


@click.command(
    cls=Verb,
    epilog=example(
        "connector completion bash >> ~/.bash_completion",
        "connector completion fish > ~/.config/fish/completions/connector.fish",
    ),
)
@click.argument("shell", type=click.Choice(sorted(_WHERE)))
@verb
def completion(door: Door, shell: str) -> int:
    """Print the completion script for SHELL; put it where the shell reads it at its start."""
    from click.shell_completion import get_completion_class

    from connector.cli.root import root

    script_class = get_completion_class(shell)
    assert script_class is not None  # noqa: S101 - click knows the three shells of the choice
    script = script_class(root, {}, "connector", "_CONNECTOR_COMPLETE").source()
    door.show({"shell": shell, "use": _WHERE[shell], "script": script}, lambda: script.rstrip("\n"))
    return ExitCode.DONE
