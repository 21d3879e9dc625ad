"""Every benchmark there is, one after the other; writes build/bench.json and build/bench.md.

python -m benchmarks              # pulls of 10,000 people on both databases, and whatever else is here
python -m benchmarks pull scim    # only these
python -m benchmarks --large      # and pulls of 100,000 people with 1,000,000 memberships
python -m benchmarks --baseline   # keep what was measured as benchmarks/baseline.json
"""

from __future__ import annotations

import argparse
import json
import os
import pkgutil
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import report

_HERE = Path(__file__).parent
_BASELINE = _HERE / "baseline.json"
_BUILD = _HERE.parent / "build"
PARTS = frozenset(
    {"__main__", "databases", "floor", "load", "receiver", "report", "schedules", "scim_seed", "scim_peer"}
    | {"served"}
)
"""Modules that measure nothing by themselves."""

_VERSIONS = ("directory-connector", "httpx", "msgspec", "SQLAlchemy", "psycopg", "uvicorn")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(_names())}")
    parser.add_argument("--large", action="store_true", help="pulls of 100,000 people too; some ten minutes")
    parser.add_argument("--baseline", action="store_true", help="later runs are compared with this one")
    chosen = parser.parse_args()
    unknown = [name for name in chosen.names if name not in _names()]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]}; there are {', '.join(_names())}")
    document: dict[str, Any] = {"machine": _machine()}
    for name in chosen.names or _names():
        print(f"measuring {name} ...", file=sys.stderr)
        document[name] = _run(name, _options(chosen.large).get(name, []))
    _write(document, keep=chosen.baseline)


def _options(large: bool) -> dict[str, list[str]]:
    sizes = ["10k", "100k"] if large else ["10k"]
    return {
        "pull": [f"--size={size}" for size in sizes] + ["--database=sqlite", "--database=postgresql"],
        "scim": ["--users=1000", "--users=20000", "--database=sqlite", "--database=postgresql"],
    }


def _names() -> list[str]:
    found = pkgutil.iter_modules([str(_HERE)])
    return sorted(module.name for module in found if module.name not in PARTS)


def _run(name: str, options: list[str]) -> Any:
    """What one benchmark printed; its own words on stderr pass through."""
    command = [sys.executable, "-m", f"benchmarks.{name}", *options]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def _machine() -> dict[str, Any]:
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 1),
        **{name: version(name) for name in _VERSIONS},
    }


def _write(document: dict[str, Any], *, keep: bool) -> None:
    """The document, and the table beside the baseline, which is kept when asked for."""
    _BUILD.mkdir(exist_ok=True)
    (_BUILD / "bench.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    now = dict(report.figures(document))
    baseline = json.loads(_BASELINE.read_text(encoding="utf-8")) if _BASELINE.exists() else {}
    told = ", ".join(f"{name} {value}" for name, value in document["machine"].items())
    text = report.table(now, baseline.get("figures", {}), told)
    (_BUILD / "bench.md").write_text(text, encoding="utf-8")
    if keep:
        kept = baseline.get("figures", {}) | now
        _BASELINE.write_text(
            json.dumps({"machine": document["machine"], "figures": kept}, indent=1) + "\n", encoding="utf-8"
        )
    print(text)


if __name__ == "__main__":
    main()
