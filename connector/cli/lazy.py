"""Groups whose verbs are imported when they are used, and that name the nearest verb to a wrong one."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

from connector.nearest import hint


class LazyGroup(click.Group):
    """A group of verbs given as name → (module:attribute, one line of help)."""

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = dict(lazy or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self._lazy, *(name for name in super().list_commands(ctx) if name not in self._lazy)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._lazy:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self._lazy[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)  # noqa: S101 - a mistake of ours, found by the first test
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in self.list_commands(ctx):
            raise click.UsageError(f"there is no verb {args[0]}{hint(args[0], self.list_commands(ctx))}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One line of help per verb, without importing any of them."""
        if not self._lazy:
            super().format_commands(ctx, formatter)
            return
        with formatter.section("Verbs"):
            formatter.write_dl([(name, line) for name, (_, line) in self._lazy.items()])
