"""The wheel is the whole program: built, installed elsewhere and started, without the tree it came from."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.deploy.manifests import ROOT

PACKAGES = ("connector", "providers", "scim_server", "sync")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as the container file builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an environment's programs where the wheel is, beside the locked packages of this one."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=True, symlinks=True)
    python = folder / "bin" / "python"
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    subprocess.run([python, *install, str(wheel)], check=True, capture_output=True)
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = subprocess.run(
        [python, "-c", asked], check=True, capture_output=True, text=True
    ).stdout.strip()
    # The packages come from here, our own from the wheel: this environment has those by a .pth file, which
    # is not read when a folder is added to the path this way.
    (Path(packages) / "locked.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


def test_everything_is_in_the_wheel_and_nothing_else(wheel: Path) -> None:
    """Every file of the four packages, also pages, styles and migrations; no tests, no tools."""
    with zipfile.ZipFile(wheel) as packed:
        inside = {name for name in packed.namelist() if ".dist-info/" not in name}
        entries = next(name for name in packed.namelist() if name.endswith("entry_points.txt"))
        told = packed.read(entries).decode()
    there = (path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file())
    assert inside == {path.relative_to(ROOT).as_posix() for path in there if path.suffix != ".pyc"}
    for needed in (
        "connector/web/templates/base.html",
        "connector/web/static/console.css",
        "connector/config.example.yaml",
        "sync/store/migrations/versions/0001_first_tables.py",
        "sync/py.typed",
    ):
        assert needed in inside
    assert told.split() == ["[console_scripts]", "connector", "=", "connector.__main__:main"]


@pytest.mark.slow
def test_the_installed_program_works_elsewhere(installed: Path, tmp_path: Path) -> None:
    """From the wheel it knows its verbs and version; its pages, migrations and simulators tell the demo."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("CONNECTOR_", "PYTHON"))
    }

    def run(*words: str) -> str:
        command = [str(installed / words[0]), *words[1:]]
        done = subprocess.run(
            command, cwd=tmp_path, env=clean, check=False, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = run("python", "-c", "import connector, sync; print(connector.__file__, sync.__file__)")
    assert all(path.startswith(str(installed.parent)) for path in where.split())
    assert "connector demo" in run("connector", "--help")
    assert run("connector", "--version").startswith("connector, version ")
    assert json.loads(run("connector", "demo", "--once", "--json"))["held_plans"] == 1
