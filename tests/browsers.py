"""Leaves the tests that need a browser out where there is none, and says so in one line."""

import shutil
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
_FOLDER = Path(__file__).parent / "console"


def chromium() -> str | None:
    """Where the system's browser is."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    if collection_path.is_relative_to(_FOLDER) and chromium() is None:
        return True
    return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if chromium() is None:
        terminalreporter.write_line(
            "left out, for want of a browser: tests/console (apt-get install chromium, then make test)"
        )
