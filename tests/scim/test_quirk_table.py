"""The quirk table: complete, named once, each row with its test, each counted leniency with its row."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

import scim_server
from scim_server.knobs import Knobs
from scim_server.quirks import QUIRKS, Quirk

_HERE = Path(__file__).parent
_TESTS = "\n".join(path.read_text(encoding="utf-8") for path in sorted(_HERE.glob("test_quirks_*.py")))
_CODE = "\n".join(
    path.read_text(encoding="utf-8") for path in sorted(Path(scim_server.__path__[0]).glob("*.py"))
)


def test_names_are_distinct() -> None:
    """No quirk has the name of another."""
    assert len({quirk.name for quirk in QUIRKS}) == len(QUIRKS)


@pytest.mark.parametrize("quirk", QUIRKS, ids=lambda quirk: quirk.name)
def test_row_is_complete_and_tested(quirk: Quirk) -> None:
    """Every row says what, whose and whence, names a real knob if any, and has a test of its name."""
    assert quirk.symptom
    assert quirk.source
    assert quirk.name.startswith(quirk.idp + "_")
    assert quirk.knob is None or quirk.knob in {each.name for each in fields(Knobs)}
    assert re.search(rf"^def test_{quirk.name}\(", _TESTS, re.MULTILINE)


def test_counted_leniencies_have_a_row() -> None:
    """What the code counts under a name is in the table."""
    counted = set(re.findall(r'(?:notes\.append|\.allow)\(\s*"(\w+)"', _CODE))
    assert counted
    assert counted <= {quirk.name for quirk in QUIRKS}
