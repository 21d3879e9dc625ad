"""Configuration as code: what is written out can be read in, and the drift between is told."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.flows.conftest import Cli


@pytest.fixture
def set_up(cli: Cli) -> Cli:
    """Two connections, one with a sealed secret and one with a reference, and a webhook."""
    pairs = ["domain=acme.okta.com", "api_token=00sealedsealed", "rank=5", "schedule.full=12h"]
    given = [word for pair in pairs for word in ("--set", pair)]
    assert cli("connections", "add", "acme", "--type", "okta", *given).code == 0
    given = ["--set", "base_url=https://scim.example.com", "--set", "token=${LAB_TOKEN:-none}"]
    assert cli("connections", "add", "lab two", "--type", "scim", *given).code == 0
    assert cli("connections", "pause", "lab two").code == 0
    assert cli("webhooks", "add", "https://hooks.example.com/a", "--type", "user.created").code == 0
    return cli


def exported(cli: Cli, file: Path) -> dict[str, Any]:
    ended = cli("export", str(file))
    assert ended.code == 0, ended.err
    found: dict[str, Any] = yaml.safe_load(file.read_text())
    return found


def test_export_and_import_are_the_identity(set_up: Cli, tmp_path: Path) -> None:
    """What was written out differs in nothing from the database, and reading it in changes nothing."""
    file = tmp_path / "setup.yaml"
    first = exported(set_up, file)
    assert set_up("import", str(file), "--plan").out.strip() == "no difference"
    done = set_up("import", str(file), "--json")
    assert done.code == 0, done.err
    assert done.json == {"differences": [], "made": {"connections": [], "webhooks": []}}
    assert exported(set_up, tmp_path / "again.yaml") == first


def test_an_export_holds_no_secret(set_up: Cli, tmp_path: Path) -> None:
    """A sealed secret is written as a name to set, a reference as it was given."""
    acme, lab = exported(set_up, tmp_path / "setup.yaml")["connections"]
    assert acme["api_token"] == "${ACME_API_TOKEN}"
    assert lab["token"] == "${LAB_TOKEN:-none}"
    assert "00sealedsealed" not in (tmp_path / "setup.yaml").read_text()


def test_an_import_makes_the_same_elsewhere(
    set_up: Cli, tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an empty database everything is made, secrets coming from the variables the file names."""
    file = tmp_path / "setup.yaml"
    first = exported(set_up, file)
    monkeypatch.setenv("CONNECTOR_DATABASE_URL", f"{sqlite_url}.elsewhere")
    refused = set_up("import", str(file))
    assert refused.code == 1
    assert "ACME_API_TOKEN is not set" in refused.err
    assert set_up("connections", "list", "--json").json == {"connections": []}
    monkeypatch.setenv("ACME_API_TOKEN", "00fromoutside")
    done = set_up("import", str(file), "--json")
    assert done.code == 0, done.err
    assert [each["name"] for each in done.json["made"]["connections"]] == ["acme", "lab two"]
    assert done.json["made"]["webhooks"][0]["secret"].startswith("whsec_")
    assert exported(set_up, tmp_path / "again.yaml") == first
    assert set_up("connections", "show", "lab two", "--json").json["state"] == "paused"


def test_the_drift_is_told_and_taken_back(set_up: Cli, tmp_path: Path) -> None:
    """A changed setting, a missing one and one too many are told one by one; an import mends them."""
    file = tmp_path / "setup.yaml"
    before = exported(set_up, file)
    changes = ["rank=7", "schedule.full=", "picture_attribute=photo"]
    given = [word for pair in changes for word in ("--set", pair)]
    assert set_up("connections", "set", "acme", *changes).code == 0, given
    drift = set_up("import", str(file), "--plan", "--json")
    assert drift.code == 2
    told = {each["key"]: (each["here"], each["there"]) for each in drift.json["differences"]}
    assert told["rank"] == ("7", "5")
    assert told["schedule.full"] == ("absent", "12h")
    assert told["picture_attribute"] == ("photo", "absent")
    assert set_up("import", str(file)).code == 0
    assert exported(set_up, tmp_path / "again.yaml") == before


def test_what_the_file_does_not_hold_stays(set_up: Cli, tmp_path: Path) -> None:
    """A connection that is not in the file is told and never removed."""
    file = tmp_path / "setup.yaml"
    document = exported(set_up, file)
    del document["connections"][1]
    file.write_text(yaml.safe_dump(document))
    drift = set_up("import", str(file), "--plan")
    assert drift.code == 2
    assert "lab two is not in the file; it stays" in drift.out
    assert set_up("import", str(file)).code == 0
    assert len(set_up("connections", "list", "--json").json["connections"]) == 2


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ({"connections": {}}, "must be a list"),
        ({"seats": {}}, "neither connections nor webhooks"),
        ({"connections": [{"name": "a", "type": "octa"}]}, "okta"),
        ({"connections": [{"name": "a", "type": "okta", "domian": "x"}]}, "domain"),
        ({"connections": [{"name": "acme", "type": "scim", "mode": "push"}]}, "is of type okta"),
        ({"webhooks": [{"url": "https://x.example.com", "tpyes": []}]}, "types"),
    ],
)
def test_a_wrong_file_is_refused_whole(set_up: Cli, tmp_path: Path, document: object, named: str) -> None:
    """A mistake is named with its place and the nearest key, and nothing of the file is written."""
    before = exported(set_up, tmp_path / "before.yaml")
    file = tmp_path / "setup.yaml"
    file.write_text(json.dumps(document))
    ended = set_up("import", str(file))
    assert ended.code == 1
    assert named in ended.err
    assert exported(set_up, tmp_path / "after.yaml") == before


def test_the_configuration_file_is_compared_without_naming_it(
    set_up: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connections kept in config.yaml are equal to it after a start, and their secrets are not compared."""
    held = {"name": "kept", "type": "okta", "domain": "kept.okta.com", "api_token": "${file:token.txt}"}
    Path("token.txt").write_text("00kept")
    Path("config.yaml").write_text(yaml.safe_dump({"connections": [held]}))
    before = set_up("import", "--plan")
    assert before.code == 2
    assert "+ connections.kept" in before.out
    assert set_up("import", "config.yaml").code == 0
