"""Every verb explains itself."""

import ast
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import connector.cli
from connector.cli.root import root
from connector.operations.table import OPERATIONS


def verbs(
    command: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from verbs(inner, (*path, name))
    else:
        yield path, command


ALL = list(verbs(root))


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_every_verb_has_help_with_an_example(path: tuple[str, ...], command: click.Command) -> None:
    """The help says what the verb does and ends with an example that begins with the verb."""
    assert command.help
    assert command.epilog
    assert f"connector {' '.join(path)}" in command.epilog


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_every_verb_speaks_json(path: tuple[str, ...], command: click.Command) -> None:
    """Every verb that answers can answer in JSON."""
    options = {option for parameter in command.params for option in parameter.opts}
    assert "--json" in options or path == ("simulate",)


def test_every_operation_that_a_verb_asks_for_exists() -> None:
    """No verb ends in "there is no operation"."""
    sources = (Path(connector.cli.__file__).parent).glob("*.py")
    asked = {
        node.args[0].value
        for source in sources
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"door.ask", "door.every"}
        if node.args and isinstance(node.args[0], ast.Constant)
    }
    assert len(asked) > 30
    assert asked <= {each.name for each in OPERATIONS}
