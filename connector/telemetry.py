"""Logs to stderr: readable on a terminal, one JSON document a line elsewhere; never a secret."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

_QUIET = ("httpx", "httpcore", "apscheduler", "alembic", "msal", "urllib3")
_SECRET = ("token", "password", "secret", "authorization", "api_key", "private_key")


def configure_logs(format: str = "auto", level: str = "info") -> None:
    """One format for our own logs and those of the libraries, which speak through ``logging``."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_endings(format))
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _endings(format: str) -> list[Any]:
    strip = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if format == "console" or (format == "auto" and sys.stderr.isatty()):
        plain = structlog.dev.plain_traceback  # the pretty one shows local variables: opened credentials too
        colors = sys.stderr.isatty()
        return [strip, structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)]
    return [strip, structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_json)]


def _json(event: Any, default: Any = None, **_: Any) -> str:
    import orjson

    return orjson.dumps(event, default=default or str).decode()


def _without_secrets(_logger: Any, _method: str, event: Any) -> Any:
    """Nothing is logged under a secret's name; a last line of defence, not the first."""
    for name in event:
        if any(word in name.lower() for word in _SECRET):
            event[name] = "(hidden)"
    return event
