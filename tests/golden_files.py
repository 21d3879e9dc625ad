"""Compares what people see, and what is generated from the code, with a file that is read in review."""

from collections.abc import Callable
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]
_GOLDEN = _ROOT / "tests" / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--golden", action="store_true", help="rewrite the golden files with what the tests now see"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """`golden(name, text)`: `text` equals the file `tests/golden/{name}`, or becomes it under --golden."""
    return lambda name, text: _compare(_GOLDEN / name, text, request)


@pytest.fixture
def generated(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """`generated(path, text)`: the same for a file that the program or its documentation ships."""
    return lambda path, text: _compare(_ROOT / path, text, request)


def _compare(path: Path, text: str, request: pytest.FixtureRequest) -> None:
    name = path.relative_to(_ROOT)
    if request.config.getoption("--golden"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"no {name} yet: write it with `make golden`, read it, commit it"
    assert text == path.read_text(encoding="utf-8"), f"{name} is out of date: `make golden`, and read it"
