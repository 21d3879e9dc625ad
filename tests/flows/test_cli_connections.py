"""Connections and tokens at the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from providers.simulator.server import Simulator
from tests.flows.conftest import Cli, settings_of

Connect = Callable[..., dict[str, Any]]


def test_a_new_connection_says_where_to_push(cli: Cli, connect: Connect) -> None:
    """Adding prints id, SCIM address and a token that is shown never again."""
    made = connect(cli)
    assert set(made) == {"id", "name", "type", "scim_base_url", "token"}
    assert made["scim_base_url"].endswith(f"/scim/v2/{made['id']}")
    for verb in ("list", "show"):
        shown = cli("connections", verb, *(["acme"] if verb == "show" else []), "--json")
        assert shown.code == 0
        assert made["token"] not in shown.out


def test_credentials_are_sealed(cli: Cli, connect: Connect, okta: Simulator, tmp_path: Path) -> None:
    """A credential is named but not shown, and does not stand in the database's file in clear."""
    connect(cli)
    shown = cli("connections", "show", "acme", "--json")
    assert shown.json["sealed"] == ["api_token"]
    secret = okta.credentials["api_token"]
    assert secret not in shown.out
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("connector.db*"))
    assert secret.encode() not in stored


def test_references_stay_references(cli: Cli, okta: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A credential given as a reference is stored as it is and resolved when it is used."""
    monkeypatch.setenv("OKTA_KEY", okta.credentials["api_token"])
    pairs = ("--set", f"base_url={okta.base_url}", "--set", "api_token=${OKTA_KEY}")
    assert cli("connections", "add", "acme", "--type", "okta", *pairs).code == 0
    assert cli("connections", "show", "acme", "--json").json["settings"]["api_token"] == "${OKTA_KEY}"
    assert cli("connections", "test", "acme").code == 0


def test_a_name_is_used_once(cli: Cli, connect: Connect, okta: Simulator) -> None:
    """A second connection of the same name is refused with a sentence."""
    connect(cli)
    ended = cli("connections", "add", "acme", "--type", "okta", *settings_of(okta))
    assert ended.code == 1
    assert "exists already" in ended.err


def test_settings_change_one_by_one(cli: Cli, connect: Connect) -> None:
    """A setting can be changed inside its section and taken back, and the credentials stay."""
    connect(cli, "acme", "--set", "schedule.full=24h")
    changed = cli("connections", "set", "acme", "schedule.full=12h", "safeguards.suspensions=20%", "--json")
    assert changed.json["settings"]["schedule"] == {"full": "12h"}
    back = cli("connections", "set", "acme", "safeguards.suspensions=", "--json")
    assert back.json["settings"]["safeguards"] == {}
    assert cli("connections", "test", "acme").code == 0


def test_a_wrong_setting_changes_nothing(cli: Cli, connect: Connect) -> None:
    """An unknown key is refused with the nearest one, and what was stored stays."""
    connect(cli)
    ended = cli("connections", "set", "acme", "safegards.suspensions=5")
    assert ended.code == 1
    assert "did you mean safeguards" in ended.err
    assert "safegards" not in cli("connections", "show", "acme").out


def test_a_paused_connection_takes_no_run(cli: Cli, connect: Connect) -> None:
    """A paused connection says so when a run is asked for, and runs again when resumed."""
    connect(cli)
    assert cli("connections", "pause", "acme", "--json").json["state"] == "paused"
    ended = cli("sync", "now", "acme", "--wait")
    assert ended.code == 1
    assert "resume" in ended.err
    assert cli("connections", "resume", "acme", "--json").json["state"] == "active"
    assert cli("sync", "now", "acme", "--wait").code == 3


def test_a_wrong_name_names_the_nearest(cli: Cli, connect: Connect) -> None:
    """A connection that does not exist is answered with the one that was meant."""
    connect(cli)
    ended = cli("connections", "show", "acne")
    assert ended.code == 1
    assert "did you mean acme?" in ended.err


def test_tokens_rotate_with_grace(cli: Cli, connect: Connect) -> None:
    """A new token lives beside the old one, never three at a time, and revoking ends them."""
    first = connect(cli)
    second = cli("tokens", "rotate", "acme", "--grace", "1h", "--json").json
    listed = cli("tokens", "list", "acme", "--json").json["tokens"]
    assert [token["last_four"] for token in listed] == [first["token"][-4:], second["token"][-4:]]
    assert listed[0]["expires_at"] is not None
    cli("tokens", "rotate", "acme")
    assert len(cli("tokens", "list", "acme", "--json").json["tokens"]) == 2
    assert len(cli("tokens", "revoke", "acme", "--json").json["revoked"]) == 2
    assert cli("tokens", "list", "acme", "--json").json["tokens"] == []


def test_a_connection_of_the_file_is_kept_equal(
    cli: Cli, okta: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection of the file is made, used with the file's secret, and not changed by verbs."""
    from connector.app import App
    from connector.settings import load

    token = okta.credentials["api_token"]
    (tmp_path / "config.yaml").write_text(
        f"connections: [{{name: filed, type: okta, base_url: '{okta.base_url}', api_token: '{token}'}}]",
        encoding="utf-8",
    )
    with App(load()) as app:
        assert app.connections.keep_equal_to_file() == ["filed"]
        assert app.connections.keep_equal_to_file() == []
    assert cli("connections", "test", "filed").code == 0
    assert token not in cli("connections", "show", "filed", "--json").out
    assert cli("connections", "set", "filed", "schedule.full=1h").code == 1


def test_an_empty_list_clears(cli: Cli, connect: Connect) -> None:
    """``[]`` is the list of nothing, not a group of that name."""
    connect(cli)
    assert cli("connections", "set", "acme", "groups.include=Sales,Support").code == 0
    assert cli("connections", "set", "acme", "groups.include=[]", "matching.verified_domains=[]").code == 0
    settings = cli("connections", "show", "acme", "--json").json["settings"]
    assert not settings["groups"]["include"]
    assert not settings["matching"]["verified_domains"]


def test_a_scope_is_chosen_by_the_applications_name(
    cli_on_sqlite: Cli, okta: Simulator, connect: Callable[..., dict[str, Any]]
) -> None:
    """Applications are listed by name, one is chosen, two of one name and a name nobody has are refused."""
    cli = cli_on_sqlite
    connect(cli)
    wiki = next(app["id"] for app in okta.state()["apps"] if app["label"] == "Wiki")
    listed = cli("connections", "applications", "acme", "--search", "wik", "--json").json["applications"]
    assert listed == [{"id": wiki, "name": "Wiki", "active": True, "scope": f"app:{wiki}"}]
    chosen = cli("connections", "applications", "acme", "--choose", "wiki", "--json")
    assert chosen.json["settings"]["scope"] == f"app:{wiki}"
    okta.add_app("Wiki")
    refused = cli("connections", "applications", "acme", "--choose", "Wiki")
    assert (refused.code, "2 applications are called Wiki" in refused.err) == (1, True)
    assert "Wiki" in cli("connections", "applications", "acme", "--choose", "wik").err
