"""Settings from file, environment and secret files."""

import os
from pathlib import Path

import pytest

from connector.directory_settings import OktaSettings
from connector.settings import Settings, connection_from, load, unknown_variables
from connector.settings_file import read_yaml
from sync.model.connection import Limit, Safeguards
from sync.model.errors import Misconfigured

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CONNECTOR_")]:
        monkeypatch.delenv(name)


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_example_says_the_defaults() -> None:
    """Who copies the example changes nothing, and every setting but the secret key stands in it."""
    assert load(EXAMPLE) == Settings()
    assert set(read_yaml(EXAMPLE)) == set(Settings.model_fields) - {"key"}


def test_the_example_connection_is_one() -> None:
    """The connection that the example shows in comments holds every key it names."""
    lines = EXAMPLE.read_text(encoding="utf-8").partition("connections: []\n")[2].splitlines()
    text = "connections:\n" + "\n".join(line.removeprefix("#") for line in lines)
    text = text.replace("${file:/run/secrets/okta_token}", "secret")
    (connection,) = load(written(Path.cwd(), text)).connections
    assert connection.safeguards.to_model() == Safeguards()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("databse_url: x", "unknown key databse_url; did you mean database_url?"),
        ("tags: {manged: x}", "unknown key tags.manged; did you mean tags.managed?"),
        (
            "connections: [{name: a, type: okta, domian: x}]",
            "unknown key connections[0].domian; did you mean connections[0].domain?",
        ),
        ("connections: [{name: a, type: octa}]", "connections[0].type must be one of okta, azure"),
        ("connections: [{name: a, type: okta}]", "a pull from okta needs domain"),
        ("seats: {limit: -1}", "seats.limit"),
        ("tags: {group: Team}", "must hold {name}"),
        ("listen: nowhere", "HOST:PORT"),
        ("database_url: [", "is not YAML at line"),
        ("- a", "must be a list of keys"),
    ],
)
def test_a_mistake_names_its_place_and_what_to_write(tmp_path: Path, text: str, said: str) -> None:
    """Every mistake in the file is told with its path, and an unknown key with the nearest known one."""
    with pytest.raises(Misconfigured) as error:
        load(written(tmp_path, text))
    assert said in error.value.message


def test_a_secret_in_a_mistake_is_not_shown(tmp_path: Path) -> None:
    """A wrong value is described and not repeated: it may be a secret."""
    text = "connections: [{name: a, type: okta, domain: d, api_token: [s3cret]}]"
    with pytest.raises(Misconfigured) as error:
        load(written(tmp_path, text))
    assert "s3cret" not in error.value.message


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    """A file that somebody named and that is not there is an error, not an empty one."""
    with pytest.raises(Misconfigured, match="does not exist"):
        load(tmp_path / "other.yaml")


def test_references_are_resolved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables, defaults and files stand in for values."""
    (tmp_path / "token").write_text("from-file\n", encoding="utf-8")
    monkeypatch.setenv("WHERE", "acme.okta.com")
    text = (
        "connections: [{name: a, type: okta, domain: '${WHERE}', api_token: '${file:token}'}]\n"
        "listen: '${NOT_SET:-127.0.0.1:9}'\n"
    )
    settings = load(written(tmp_path, text))
    (connection,) = settings.connections
    assert isinstance(connection, OktaSettings)
    assert connection.domain == "acme.okta.com"
    assert connection.api_token is not None
    assert connection.api_token.get_secret_value() == "from-file"
    assert settings.port == 9


def test_an_unset_variable_is_named(tmp_path: Path) -> None:
    """A reference to a variable that is not set says which one, and where it stands."""
    with pytest.raises(Misconfigured, match=r"listen: the environment variable NOT_SET is not set"):
        load(written(tmp_path, "listen: '${NOT_SET}'"))


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable overrides the file, also inside a section; a given value overrides both."""
    file = written(tmp_path, "listen: 127.0.0.1:1\nseats: {limit: 5}")
    monkeypatch.setenv("CONNECTOR_SEATS__LIMIT", "7")
    monkeypatch.setenv("CONNECTOR_LISTEN", "127.0.0.1:2")
    assert load(file).seats.limit == 7
    assert load(file, listen="127.0.0.1:3").port == 3


def test_a_secret_file_holds_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CONNECTOR_API_KEY_FILE names the file the key stands in."""
    (tmp_path / "key").write_text("opens\n", encoding="utf-8")
    monkeypatch.setenv("CONNECTOR_API_KEY_FILE", str(tmp_path / "key"))
    key = load().api_key
    assert key is not None
    assert key.get_secret_value() == "opens"


def test_variables_that_set_nothing_are_told() -> None:
    """A mistyped variable is reported with the nearest known one; others are left alone."""
    variables = {"CONNECTOR_DATABSE_URL": "", "CONNECTOR_TAGS__MANAGED": "", "PATH": ""}
    (told,) = unknown_variables(variables)
    assert "did you mean CONNECTOR_DATABASE_URL?" in told


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("10%", Limit(floor=0, share=0.1)),
        ("7", Limit(floor=7, share=0)),
        ("5 or 2.5%", Limit(floor=5, share=0.025)),
    ],
)
def test_limits_are_written_as_people_say_them(text: str, limit: Limit) -> None:
    """A share, a number, or the larger of both."""
    values = {"name": "a", "type": "okta", "mode": "push", "safeguards": {"suspensions": text}}
    assert connection_from(values).safeguards.to_model().suspensions == limit


def test_a_limit_can_be_off() -> None:
    """A limit that is off allows everybody to be suspended."""
    values = {"name": "a", "type": "okta", "mode": "push", "safeguards": {"suspensions": "off"}}
    assert connection_from(values).safeguards.to_model().suspensions.allows(10_000, 10_000)


def test_credentials_go_over_https_only() -> None:
    """Plain http is accepted for loopback and refused for every other host."""
    values = {"name": "a", "type": "okta", "api_token": "t"}
    connection_from(values | {"base_url": "http://127.0.0.1:1"})
    with pytest.raises(Misconfigured, match="in clear"):
        connection_from(values | {"base_url": "http://acme.okta.com"})
