"""What verbs that list have in common: --csv, and pages from the newest back."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from connector.cli.door import PAGE, Door, verb

F = TypeVar("F", bound=Callable[..., Any])


def listing(function: F) -> F:
    """A verb whose answer is a list: it can be had as CSV too, with the options a list has."""

    @click.option("--csv", "is_csv", is_flag=True, help="As CSV on stdout, a row each.")
    @wraps(function)
    def listed(door: Door, *args: Any, is_csv: bool, **kwargs: Any) -> Any:
        if is_csv and door.is_json:
            raise click.UsageError("say --csv or --json, not both")
        door.is_csv = is_csv
        return function(door, *args, **kwargs)

    return verb(listed)  # type: ignore[return-value]


def newest_first(limit: int, cursor: Any = str) -> Callable[[F], F]:
    """The options of a list that is read from the newest back: how many, and from where."""

    def having(function: F) -> F:
        for option in (
            click.option(
                "--before",
                type=cursor,
                metavar="SEEN",
                help="Only what is older: `next` of the page before, as it is printed below it.",
            ),
            click.option(
                "--limit",
                type=click.IntRange(1, PAGE),
                default=limit,
                show_default=True,
                help="How many at most.",
            ),
        ):
            function = option(function)
        return function

    return having


def older(found: dict[str, Any]) -> str:
    """What is said below a page when there is one behind it."""
    following = found["next"]
    return "" if following is None else f"\n\nThere are older ones: --before {following}"
