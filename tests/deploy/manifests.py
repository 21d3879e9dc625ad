"""What is in deploy/, read as those read it who run it."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def yaml_documents(path: str) -> list[dict[str, Any]]:
    """The documents of a YAML file in deploy/."""
    return list(yaml.safe_load_all((DEPLOY / path).read_text(encoding="utf-8")))


def kubernetes() -> list[dict[str, Any]]:
    """Every object of the Kubernetes manifests."""
    return [
        document
        for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
        for document in yaml_documents(f"kubernetes/{path.name}")
    ]


def unit() -> dict[str, list[str]]:
    """The [Service] section of the systemd unit; a key may stand there several times."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in (DEPLOY / "connector.service").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif section == "Service" and "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def container() -> list[tuple[str, str]]:
    """The container file's instructions of its last stage, continuation lines joined."""
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    lines = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)).splitlines()
    steps = [
        (word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines if line.strip())
    ]
    last = max(place for place, (word, _) in enumerate(steps) if word == "FROM")
    return steps[last:]
