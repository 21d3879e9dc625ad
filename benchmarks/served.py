"""``connector serve`` in a process of its own, and what it costs: CPU seconds and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx


@contextmanager
def daemon() -> Iterator[tuple[str, subprocess.Popen[str], float]]:
    """A daemon that is ready: its address, its process, and when it was started."""
    command = [sys.executable, "-m", "connector", "serve", "--port", "0"]
    began = time.monotonic()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            said = (json.loads(line) for line in process.stderr if line.startswith("{"))
            address = next(each["url"] for each in said if each["event"] == "serving")
            threading.Thread(target=process.stderr.read, daemon=True).start()
            while httpx.get(f"{address}/readyz", trust_env=False).status_code != 200:
                time.sleep(0.005)
            yield address, process, began
        finally:
            process.terminate()
            process.wait(30)


def cpu_s(pid: int) -> float:
    """CPU seconds the process has used, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def mib(pid: int, name: str) -> float:
    """A figure of the kernel's about its memory: VmRSS is now, VmHWM the most there was."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    line = next(line for line in lines if line.startswith(name))
    return round(int(line.split()[1]) / 1024, 1)


def forget_peak(pid: int) -> None:
    """Let VmHWM begin anew at what is used now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
