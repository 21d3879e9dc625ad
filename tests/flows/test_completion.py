"""Shells complete verbs and options."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flows.conftest import Cli

CONNECTOR = Path(sys.executable).with_name("connector")


def completed(words: str) -> list[str]:
    """What a bash that completes `words` is offered."""
    asked = {"_CONNECTOR_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    ended = subprocess.run([CONNECTOR], env=os.environ | asked, capture_output=True, text=True, check=True)
    return [line.partition(",")[2] for line in ended.stdout.splitlines()]


def test_verbs_and_options_are_offered() -> None:
    """A begun verb, a verb of a group and an option are completed."""
    assert completed("connector con") == ["connections"]
    assert {"add", "list", "test"} <= set(completed("connector connections "))
    assert completed("connector sync now --dr") == ["--dry-run"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_one_its_shell_can_read(cli_on_sqlite: Cli, shell: str) -> None:
    """What is printed names our variable, and the shell itself finds no mistake in it."""
    ended = cli_on_sqlite("completion", shell)
    assert ended.code == 0
    assert "_CONNECTOR_COMPLETE" in ended.out
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=ended.out, text=True, check=True)


def test_an_unknown_shell_is_named_with_those_known(cli_on_sqlite: Cli) -> None:
    """A shell we have no script for is a usage error that lists the three."""
    ended = cli_on_sqlite("completion", "tcsh")
    assert ended.code == 1
    assert all(shell in ended.err for shell in ("bash", "fish", "zsh"))
