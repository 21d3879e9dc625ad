"""The rules of the house that neither the linter nor the import contracts can see."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_PACKAGES = ("connector", "providers", "scim_server", "sync")
_SOURCES = sorted(path for package in _PACKAGES for path in (_ROOT / package).rglob("*.py"))
_TESTS = sorted((_ROOT / "tests").rglob("*.py"))

# A migration is written once, from top to bottom, and never read as a part of the program.
_WITHOUT_MIGRATIONS = [path for path in _SOURCES if "migrations" not in path.parts]

_FILE_LINES = 600
_FUNCTION_LINES = 40
_TOLERATED_FUNCTIONS: frozenset[str] = frozenset()

_PURE = (
    "match",
    "policy",
    "diff",
    "plan",
    "safeguards",
    "event",
    "group_rules",
    "mapping",
    "expression",
    "render",
    "undo",
)
_CLOCK_READS = frozenset({"now", "today", "utcnow", "time_ns", "monotonic", "perf_counter"})
_EMPTY_WORDS = re.compile(r"(Manager|Handler|Helper|Utils|Service)(?=[A-Z]|$)")
_WRITES = frozenset({"insert", "update", "delete"})
_PROTECTED_TABLES = frozenset(
    {"users", "directory_user", "directory_group", "member", "link", "history", "outbox"}
)

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def _name(path: Path) -> str:
    return path.relative_to(_ROOT).as_posix()


def _nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path)))


def _imported(path: Path) -> Iterator[str]:
    """Every module that a file names in an import, wherever in the file; a relative one starts with dots."""
    for node in _nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def _is_pure(path: Path) -> bool:
    """Whether a file belongs to the part of the engine that only decides, as a module or a package."""
    parts = path.relative_to(_ROOT).with_suffix("").parts
    return parts[:2] == ("sync", "model") or (parts[0] == "sync" and parts[1] in _PURE)


def _each(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=_name)


def test_the_sources_are_found() -> None:
    """The checks below look at the four packages, not at an empty list."""
    assert {path.relative_to(_ROOT).parts[0] for path in _SOURCES} == set(_PACKAGES)


@_each([path for path in _SOURCES if _name(path).startswith("sync/model/")])
def test_the_model_imports_only_the_standard_library(path: Path) -> None:
    """sync.model names nothing but the standard library and itself."""
    foreign = {
        name
        for name in _imported(path)
        if name.partition(".")[0] not in sys.stdlib_module_names and not name.startswith("sync.model.")
    }
    assert not foreign


@_each([path for path in _SOURCES if _name(path).startswith("providers/simulator/")])
def test_the_simulator_stands_alone(path: Path) -> None:
    """The judge of the providers shares no code with them, nor with anything else of ours."""
    ours = {name for name in _imported(path) if name.partition(".")[0] in _PACKAGES}
    assert {name for name in ours if not f"{name}.".startswith("providers.simulator.")} == set()


@_each([path for path in _SOURCES if _is_pure(path)])
def test_deciding_reads_no_clock(path: Path) -> None:
    """What decides gets the time as an argument."""
    reads = [
        f"line {node.lineno}: {node.func.attr}()"
        for node in _nodes(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in _CLOCK_READS
    ]
    assert not reads


@_each(_SOURCES)
def test_a_file_can_be_held_in_the_head(path: Path) -> None:
    """No file is longer than the limit."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= _FILE_LINES


@_each(_WITHOUT_MIGRATIONS)
def test_a_function_fits_a_screen(path: Path) -> None:
    """No function is longer than the limit, its docstring and decorators not counted."""
    long = [
        f"{node.name}: {lines} lines"
        for node in _nodes(path)
        if isinstance(node, _Function) and f"{_name(path)}:{node.name}" not in _TOLERATED_FUNCTIONS
        if (lines := _lines(node)) > _FUNCTION_LINES
    ]
    assert not long


def _lines(function: _Function) -> int:
    end = function.end_lineno or function.lineno
    docstring = function.body[0] if ast.get_docstring(function) is not None else None
    spent = (docstring.end_lineno or 0) - docstring.lineno + 1 if docstring is not None else 0
    return end - function.lineno + 1 - spent


@_each(_SOURCES)
def test_a_class_is_named_after_what_it_is(path: Path) -> None:
    """No class carries a name that would fit any other class as well."""
    empty = {
        node.name
        for node in _nodes(path)
        if isinstance(node, ast.ClassDef) and _EMPTY_WORDS.search(node.name)
    }
    assert not empty


_OF_THE_WRITER = {"sync/store/writes.py", "sync/store/memberships.py"}
"""Modules that only sync.apply may import; the contract "one writer" holds that."""


@_each(
    [path for path in _SOURCES if _name(path).startswith("sync/store/") and _name(path) not in _OF_THE_WRITER]
)
def test_the_store_writes_users_and_groups_in_one_place(path: Path) -> None:
    """No statement outside the writer's own modules changes a table that only it may change."""
    writes = [
        f"line {node.lineno}: {ast.unparse(node.func)}({ast.unparse(node.args[0])})"
        for node in _nodes(path)
        if isinstance(node, ast.Call) and node.args and _last_word(node.func) in _WRITES
        if _last_word(node.args[0]) in _PROTECTED_TABLES
    ]
    assert not writes


def _last_word(node: ast.expr) -> str:
    return ast.unparse(node).rpartition(".")[2].lstrip("_").lower()


@_each([path for path in _TESTS if path.name.startswith("test_")])
def test_a_test_says_what_it_proves(path: Path) -> None:
    """Every test states in its docstring the behaviour it stands for."""
    silent = [
        node.name
        for node in _nodes(path)
        if isinstance(node, _Function) and node.name.startswith("test_") and not ast.get_docstring(node)
    ]
    assert not silent


@_each(_TESTS)
def test_a_test_neither_sleeps_nor_patches(path: Path) -> None:
    """Tests wait for events, not for time, and run the real parts."""
    assert "unittest.mock" not in set(_imported(path))
    sleeps = [
        f"line {node.lineno}"
        for node in _nodes(path)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.sleep", "sleep"}
    ]
    assert not sleeps


def test_no_test_folder_is_a_package() -> None:
    """A package under tests would hide one of ours that has the same name."""
    assert not list((_ROOT / "tests").rglob("__init__.py"))


def test_packages_export_nothing() -> None:
    """Each __init__.py is a docstring, so that importing one module never imports its neighbours."""
    full = {
        _name(path)
        for path in _SOURCES
        if path.name == "__init__.py" and len(ast.parse(path.read_text(encoding="utf-8")).body) != 1
    }
    assert not full


@pytest.mark.parametrize("listing", ["requirements.txt", "requirements-dev.txt"])
def test_the_requirements_are_those_of_the_lock(listing: str) -> None:
    """The hashed lists pin what uv.lock pins; `make lock` writes both."""
    lock = tomllib.loads((_ROOT / "uv.lock").read_text(encoding="utf-8"))
    locked = {(package["name"], package["version"]) for package in lock["package"]}
    pins = re.findall(
        r"^([a-z0-9-]+)==(\S+)", (_ROOT / listing).read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    assert pins
    assert set(pins) <= locked


def test_every_dependency_is_explained() -> None:
    """docs/dependencies.md has a row for each package that pyproject.toml names."""
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = [project["project"]["dependencies"], *project["project"]["optional-dependencies"].values()]
    groups += project["dependency-groups"].values()
    named = {re.split(r"[\[<>=;~! ]", line)[0].lower() for group in groups for line in group}
    page = (_ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    explained = {name.lower() for name in re.findall(r"^\| `([^`\[]+)", page, flags=re.MULTILINE)}
    assert named - {"directory-connector"} == explained
