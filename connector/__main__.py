"""The program's entry: runs the command line and turns how it ended into an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from connector.cli.exits import ExitCode, of_error
from connector.cli.root import root
from sync.model.errors import ConnectorError


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes are those of ``connector.cli.exits``; click's own 2 for usage becomes 1."""
    try:
        result = root.main(args=arguments, prog_name="connector", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        return ExitCode.USAGE
    except ConnectorError as error:
        click.echo(f"connector: {error.message}", err=True)
        return of_error(error)
    except BrokenPipeError:
        # Who reads us has seen enough (`connector users list | head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
    return int(result) if isinstance(result, int) else ExitCode.DONE


if __name__ == "__main__":
    sys.exit(main())
