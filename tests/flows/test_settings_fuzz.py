"""Whatever stands in config.yaml, the answer is settings or one sentence that names the key."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connector.directory_settings import TYPES
from connector.settings import Settings, connection_from, load
from sync.model.errors import Misconfigured

_KEYS = sorted({*Settings.model_fields, *(key for model in TYPES.values() for key in model.model_fields)})
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text(max_size=20)
    | st.sampled_from(
        ["24h", "10%", "5 or 10%", "0 3 * * 1-5", "${X}", "${file:/no}", "${X:-y}", "off", "{name}"]
    )
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*_KEYS, "limit", "group", "full", "value"]), inner, max_size=4)
    ),
    max_leaves=12,
)
_WHOLE = st.dictionaries(st.sampled_from(_KEYS) | st.text(max_size=8), _VALUES, max_size=5)
_IN_A_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@_IN_A_FOLDER
@given(document=_WHOLE | _VALUES)
def test_any_document(document: Any, tmp_path: Path) -> None:
    """Every YAML document is taken or refused as Misconfigured."""
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    _taken_or_refused(lambda: load(file))


@_IN_A_FOLDER
@given(text=st.text(max_size=60) | st.binary(max_size=60))
@example(text="a: &a [*a]")
@example(text="? {[x]: y}\n: z")
@example(text="!!python/object/apply:os.system ['true']")
@example(text="1: 2")
@example(text="null: 2")
@example(text="a: " + "[" * 900)
@example(text="a: " + "[" * 900 + "]" * 900)
@example(
    text="{a: &a [1,1,1,1,1,1,1,1,1,1], b: &b [*a,*a,*a,*a,*a,*a,*a,*a], c: &c [*b,*b,*b,*b,*b,*b,*b,*b]}"
)
def test_any_text(text: str | bytes, tmp_path: Path) -> None:
    """So is every file that is no YAML, or none that anybody should write."""
    file = tmp_path / "config.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    _taken_or_refused(lambda: load(file))


@settings(deadline=None)
@given(type=st.sampled_from([*TYPES, "nothing"]), values=_WHOLE, has_secrets=st.booleans())
def test_any_connection(type: str, values: dict[str, Any], has_secrets: bool) -> None:
    """Whatever is set on a connection is taken or refused, with and without its secrets at hand."""
    given = {"name": "a"} | values | {"type": type}
    _taken_or_refused(lambda: connection_from(given, has_secrets=has_secrets))


def _taken_or_refused(read: Callable[[], object]) -> None:
    with contextlib.suppress(Misconfigured):
        read()
