"""Every benchmark there is, one after the other; prints one JSON object, by the name of each.

python -m benchmarks            # pulls of 10,000 people on both databases, and whatever else is here
python -m benchmarks --large    # and of 100,000 people with 1,000,000 memberships
"""

from __future__ import annotations

import argparse
import json
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Any

PARTS = frozenset({"__main__", "databases", "floor", "load", "receiver", "scim_seed", "scim_peer"})
"""Modules that measure nothing by themselves."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--large", action="store_true", help="pulls of 100,000 people too; some ten minutes")
    sizes = ["10k", "100k"] if parser.parse_args().large else ["10k"]
    options = {"pull": [f"--size={size}" for size in sizes] + ["--database=sqlite", "--database=postgresql"]}
    options["scim"] = ["--users=1000", "--users=20000", "--database=sqlite", "--database=postgresql"]
    print(json.dumps({name: _run(name, options.get(name, [])) for name in _names()}, indent=2))


def _names() -> list[str]:
    found = pkgutil.iter_modules([str(Path(__file__).parent)])
    return sorted(module.name for module in found if module.name not in PARTS)


def _run(name: str, options: list[str]) -> Any:
    """What one benchmark printed; its own words on stderr pass through."""
    command = [sys.executable, "-m", f"benchmarks.{name}", *options]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


if __name__ == "__main__":
    main()
