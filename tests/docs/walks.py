"""Does what a page of the documentation tells a reader to do, word for word, in a folder of its own."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIMIT_S = 120
_BLOCK = re.compile(r"^```sh(?: title=\"(?P<title>[^\"]*)\")?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


class Walk:
    """One reader in one folder. ``words`` are what stands in a page for what the reader has to fill in."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.words: dict[str, Callable[[], str]] = {}
        self._environment = {
            **os.environ,
            "PATH": f"{_own_programs(folder)}:{os.environ['PATH']}",
            **environment,
        }
        self._running: list[subprocess.Popen[str]] = []

    def through(self, page: str) -> None:
        """Every block of commands of the page, those of other terminals in the background."""
        for block in _BLOCK.finditer((ROOT / "docs" / page).read_text(encoding="utf-8")):
            if block["title"]:
                self.start(block["text"])
            else:
                for line in block["text"].splitlines():
                    self.run(line)

    def run(self, line: str) -> str:
        """What the command wrote to both streams; it has to end well."""
        process = self._typed(self._filled_in(line))
        said, _ = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 0, f"{line}\n{said}"
        return said

    def start(self, line: str) -> str:
        """The first line of what goes on running."""
        process = self._typed(f"exec {self._filled_in(line)}")
        self._running.append(process)
        assert process.stdout is not None
        first = process.stdout.readline()
        token = first.rpartition("api_token=")[2].strip()
        self.words.setdefault("TOKEN", lambda: token)
        return first

    def _typed(self, line: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["bash", "-c", line],
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _filled_in(self, line: str) -> str:
        for word, value in self.words.items():
            if re.search(rf"\b{word}\b", line):
                line = re.sub(rf"\b{word}\b", value(), line)
        return line.strip()

    def end(self) -> None:
        """End what this walk started."""
        for process in self._running:
            process.terminate()
            process.wait(LIMIT_S)
            assert process.stdout is not None
            process.stdout.close()


def _own_programs(folder: Path) -> Path:
    """A folder with `connector`, as an activated environment has it."""
    programs = folder / "bin"
    programs.mkdir()
    (programs / "connector").symlink_to(Path(sys.executable).with_name("connector"))
    return programs


@contextmanager
def walk(folder: Path, **environment: str) -> Iterator[Walk]:
    """A reader whose processes end with the block."""
    reader = Walk(folder, environment)
    try:
        yield reader
    finally:
        reader.end()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
