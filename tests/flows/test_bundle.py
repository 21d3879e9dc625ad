"""The support bundle tells how an installation does, and nothing of whom it serves."""

import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from providers.simulator.server import Simulator
from tests.flows.conftest import Cli


@pytest.fixture
def documents(
    cli: Cli,
    connect: Callable[..., dict[str, Any]],
    okta: Simulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, Any]:
    """The bundle of an installation that has been pulled, held, pushed to and has failed."""
    monkeypatch.setenv("CONNECTOR_PUBLIC_URL", "https://127.0.0.1:1/acme-internal")
    monkeypatch.setenv("CONNECTOR_PROTECTED", '["boss@acme-internal.example"]')
    connect(
        cli, "Acme Corp", "--set", "groups.exclude=Temp*", "--set", "attributes.picture_url=profile.photo"
    )
    assert cli("sync", "now", "Acme Corp", "--wait", "--yes").code == 0
    okta.fault("deny(401,times=always)")
    assert cli("sync", "now", "Acme Corp", "--wait").code == 5
    okta.clear_faults()
    assert cli("users", "add", "robin.hood@sherwood.example", "--first", "Robinette").code == 0
    assert cli("webhooks", "add", "https://hooks.acme-internal.example/x").code == 0
    file = tmp_path / "support.zip"
    assert cli("bundle", str(file), "--json").code == 0
    with zipfile.ZipFile(file) as archive:
        return {name: json.loads(archive.read(name)) for name in archive.namelist()}


def test_nobody_and_no_secret_is_in_it(documents: dict[str, Any], okta: Simulator) -> None:
    """No name, e-mail, login, id, group, host, credential or label of this installation can be found."""
    text = "\n".join(_said(documents)).lower()
    state = okta.state()
    told = {value for user in state["users"] for value in _texts(user)}
    told |= {group["name"] for group in state["groups"]} | {group["id"] for group in state["groups"]}
    told |= set(okta.credentials.values())
    told |= {
        "acme",
        "sherwood",
        "robin",
        "boss@",
        "temp*",
        "profile.photo",
        "127.0.0.1",
        "hooks.",
        "dcs_",
        "whsec_",
    }
    words = (re.escape(each.lower()) for each in told if each.strip())
    whole = [re.compile(rf"(?<![a-z0-9]){each}(?![a-z0-9])") for each in words]
    assert [each.pattern for each in whole if each.search(text)] == []


def _said(document: Any) -> Iterator[str]:
    """Every value, and every key but those of runs and plans, which are the program's own words."""
    if isinstance(document, dict):
        for key, value in document.items():
            if not {"run_id", "plan_id"} & document.keys():
                yield str(key)
            yield from _said(value)
    elif isinstance(document, list):
        for each in document:
            yield from _said(each)
    else:
        yield str(document)


def _texts(user: dict[str, Any]) -> set[str]:
    named = ("id", "login", "email", "first_name", "last_name", "picture_url")
    return {str(user[name]) for name in named if user[name]}


def test_it_says_what_a_helper_needs(documents: dict[str, Any]) -> None:
    """Versions, plain settings, findings, runs with how they ended, and table sizes are there."""
    assert documents["about.json"]["tables"]["version"] == documents["about.json"]["tables"]["needed"]
    (connection,) = documents["connections.json"]
    assert connection["type"] == "okta"
    assert connection["sealed"] == ["api_token"]
    assert connection["settings"]["groups"] == {"exclude": "(set)"}
    states = [run["state"] for run in documents["runs.json"]]
    assert states == ["failed", "succeeded"]
    assert documents["runs.json"][0]["error_kind"] == "denied"
    assert documents["tables.json"]["users"] > 100
    assert {"check": "database", "state": "ok"} in documents["findings.json"]
