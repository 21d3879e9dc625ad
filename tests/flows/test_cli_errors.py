"""What goes wrong is told in one sentence, with the exit code that scripts rely on."""

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from providers.simulator.server import Simulator
from tests.flows.conftest import Cli

Serve = Callable[..., str]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


async def web_page(_request: Request) -> Response:
    return HTMLResponse("<!doctype html><title>Sign in</title>")


async def nothing_here(_request: Request) -> Response:
    return PlainTextResponse("not found", 404)


def everywhere(answer: Callable[[Request], object]) -> Starlette:
    return Starlette(routes=[Route("/{path:path}", answer)])


def pull_from(cli: Cli, base_url: str, token: str = "00wrong") -> tuple[int, str]:
    pairs = ("--set", f"base_url={base_url}", "--set", f"api_token={token}")
    assert cli("connections", "add", "acme", "--type", "okta", *pairs).code == 0
    ended = cli("sync", "now", "acme", "--wait", "--json")
    told = ended.json["error"] or " ".join(ended.json["reasons"])
    tested = cli("connections", "test", "acme")
    assert tested.code == 5
    assert token not in ended.out + ended.err + tested.out + tested.err
    assert "Traceback" not in ended.err + tested.err
    return ended.code, told


def test_a_refused_token(cli_on_sqlite: Cli, okta: Simulator) -> None:
    """A token that the directory refuses ends in 5 and says which setting to mend."""
    code, told = pull_from(cli_on_sqlite, okta.base_url)
    assert code == 5
    assert "api_token" in told or "token" in told


def test_nobody_listens(cli_on_sqlite: Cli) -> None:
    """A refused connection ends in 5 and names the address."""
    code, told = pull_from(cli_on_sqlite, f"http://127.0.0.1:{free_port()}")
    assert code == 5
    assert "127.0.0.1" in told


def test_a_web_page_for_an_answer(cli_on_sqlite: Cli, served: Serve) -> None:
    """HTML where JSON is due ends in 5 and is called a web page."""
    code, told = pull_from(cli_on_sqlite, served(everywhere(web_page)))
    assert code == 5
    assert "web page" in told.lower() or "html" in told.lower()


def test_a_wrong_address(cli_on_sqlite: Cli, served: Serve) -> None:
    """Somebody else's server ends in 5 and says to check the address."""
    code, told = pull_from(cli_on_sqlite, served(everywhere(nothing_here)))
    assert code == 5
    assert told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("conections", "list"), "did you mean connections?"),
        (("connections", "lst"), "did you mean list?"),
        (("plan", "acme", "--ful"), "did you mean --full?"),
        (("attention", "resolve", "x", "--link"), "known are: --all-of, --api-key, --as,"),
        (("plan",), "Missing argument"),
        (("sync", "now"), "name a connection, or say --all"),
        (("sync", "now", "acme", "--full", "--delta"), "not both"),
        (("plans", "show", "nonsense"), "there is no plan"),
        (("runs", "show", "nonsense"), "there is no run"),
        (("users", "show", "nobody@example.com"), "there is no user"),
        (("connections", "add", "x", "--type", "octa"), "did you mean okta?"),
        (("connections", "add", "x", "--type", "okta", "--set", "nonsense"), "key=value"),
        (("users", "list", "--config", "missing.yaml"), "does not exist"),
        (("tokens", "rotate", "acme", "--grace", "soon"), "span of time"),
        (("freeze", "on", "--until", "whenever"), "write a span"),
    ],
)
def test_mistakes_at_the_command_line(cli_on_sqlite: Cli, words: tuple[str, ...], said: str) -> None:
    """Usage and configuration mistakes exit with 1 and name what was meant."""
    ended = cli_on_sqlite(*words)
    assert ended.code == 1
    assert said in ended.err
    assert ended.out == ""


def test_a_wrong_database_url(run_verb: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database address that is none says how one is written."""
    monkeypatch.setenv("CONNECTOR_DATABASE_URL", "mysql://x")
    ended = run_verb("users", "list")
    assert ended.code == 1
    assert "sqlite:///" in ended.err


def test_help_needs_nothing_heavy(tmp_path: Path) -> None:
    """`connector --help` loads neither the database, nor settings, nor HTTP."""
    script = (
        "import sys; from connector.__main__ import main; code = main(['--help']);"
        "heavy = {'sqlalchemy', 'pydantic', 'httpx', 'rich', 'structlog', 'uvicorn'} & sys.modules.keys();"
        "sys.exit(code or (f'loaded {heavy}' if heavy else 0))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_init_makes_what_is_missing(run_verb: Cli, tmp_path: Path) -> None:
    """`connector init` makes a configuration and a key, and the second time leaves both alone."""
    first = run_verb("init", "--json")
    assert first.code == 0, first.err
    assert sorted(Path(path).name for path in first.json["made"]) == [
        "config.schema.json",
        "config.yaml",
        "connector.key",
    ]
    key = (tmp_path / "connector.key").read_bytes()
    assert run_verb("init", "--json").json["made"] == []
    assert (tmp_path / "connector.key").read_bytes() == key


def test_db_check_changes_nothing(cli_at_first: Cli) -> None:
    """Checking an empty database says that it needs the tables; upgrading makes them."""
    assert cli_at_first("db", "check").code == 1
    assert cli_at_first("db", "upgrade").code == 0
    assert cli_at_first("db", "check").code == 0
