"""What is in deploy/ starts this program, as nobody special, and asks for what it answers."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
from starlette.testclient import TestClient

from connector.app import App
from connector.cli.root import root
from connector.keyring import make_key_file
from connector.settings import Settings, load, unknown_variables
from connector.web.asgi import application, probes
from tests.deploy.manifests import DEPLOY, ROOT, container, kubernetes, unit, yaml_documents

DATABASE = "postgresql+psycopg://connector:secret@database/connector"


@pytest.fixture
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("CONNECTOR_")]:
        monkeypatch.delenv(name)


def options_of(words: list[str]) -> dict[str, Any]:
    """The options of `connector WORDS...`; a click error when there is no such verb, option or choice."""
    context = click.Context(root, **root.context_settings)
    _, verb, rest = root.resolve_command(context, list(words))
    assert verb is not None
    return verb.make_context(words[0], rest, parent=context).params


def settings_with(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, folder: Path, config: str = ""
) -> Settings:
    """The settings as the program reads them there: files that exist only there are made in ``folder``."""
    (folder / "database_url").write_text(DATABASE)
    make_key_file(folder / "connector_key")
    make_key_file(folder / "key")
    (folder / "config.yaml").write_text(config)
    for name, value in environment.items():
        moved = re.sub(r"^(/run/secrets(/connector)?|/etc/connector)/", f"{folder}/", value)
        monkeypatch.setenv(name, moved)
    assert unknown_variables(environment) == []
    return load()


def is_answered(path: str, settings: Settings, *, role: str) -> bool:
    """Whether a process of this role answers 200 there."""
    with App(settings) as app:
        client = TestClient((probes if role == "worker" else application)(app))
        return client.get(path).status_code == 200


# --- Kubernetes -----------------------------------------------------------------------------------


def deployments() -> dict[str, dict[str, Any]]:
    return {
        each["metadata"]["labels"]["app.kubernetes.io/component"]: each
        for each in kubernetes()
        if each["kind"] == "Deployment"
    }


def test_there_are_web_and_worker_replicas_that_nobody_evicts_all_at_once() -> None:
    """Each role has its Deployment and a disruption budget over the same pods; the service finds web pods."""
    assert deployments().keys() == {"web", "worker"}
    for role, each in deployments().items():
        labels = each["spec"]["template"]["metadata"]["labels"]
        assert each["spec"]["selector"]["matchLabels"] == labels
        assert each["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        (budget,) = (
            other
            for other in kubernetes()
            if other["kind"] == "PodDisruptionBudget" and other["spec"]["selector"]["matchLabels"] == labels
        )
        assert budget["spec"]["minAvailable"] < each["spec"]["replicas"], role
    (service,) = (each for each in kubernetes() if each["kind"] == "Service")
    web = deployments()["web"]["spec"]["template"]
    assert service["spec"]["selector"] == web["metadata"]["labels"]
    ports = {port["name"] for port in web["spec"]["containers"][0]["ports"]}
    assert service["spec"]["ports"][0]["targetPort"] in ports


@pytest.mark.parametrize("role", ["web", "worker"])
def test_a_pod_is_nobody_and_writes_nowhere(role: str) -> None:
    """Not root, no rights, a root file system that cannot be written, no token of the cluster."""
    pod = deployments()[role]["spec"]["template"]["spec"]
    (box,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert box["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "memory" in box["resources"]["limits"]
    mounted = {mount["name"]: mount for mount in box["volumeMounts"]}
    assert mounted.keys() == {volume["name"] for volume in pod["volumes"]}
    assert all(mount.get("readOnly") for name, mount in mounted.items() if name != "tmp")


@pytest.mark.usefixtures("_nothing_set")
@pytest.mark.parametrize("role", ["web", "worker"])
def test_a_pod_starts_with_these_options_and_settings_and_answers_its_probes(
    role: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The command line knows the options, the settings every variable and key; the probes' paths exist."""
    (box,) = deployments()[role]["spec"]["template"]["spec"]["containers"]
    assert options_of(box["args"])["role"] == role
    (configuration,) = (each for each in kubernetes() if each["kind"] == "ConfigMap")
    environment = {each["name"]: each["value"] for each in box["env"]}
    settings = settings_with(environment, monkeypatch, tmp_path, configuration["data"]["config.yaml"])
    assert settings.database_url == DATABASE
    assert settings.port == box["ports"][0]["containerPort"]
    here = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'connector.db'}"})
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert is_answered(box[probe]["httpGet"]["path"], here, role=role), probe
    assert box["readinessProbe"]["httpGet"]["path"] != box["livenessProbe"]["httpGet"]["path"]


# --- Compose --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_nothing_set")
@pytest.mark.parametrize("role", ["web", "worker"])
def test_compose_starts_each_role_as_nobody(
    role: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Read-only root, no rights; options and settings are known; every secret it names is made."""
    (compose,) = yaml_documents("compose.yaml")
    service = compose["services"][role]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert options_of(service["command"])["role"] == role
    environment = dict(service["environment"])
    assert environment.pop("CONNECTOR_PUBLIC_URL").startswith("${CONNECTOR_PUBLIC_URL:-http://127.0.0.1:")
    assert settings_with(environment, monkeypatch, tmp_path).database_url == DATABASE
    named = {Path(value).name for value in environment.values() if value.startswith("/run/secrets/")}
    assert named == set(service["secrets"]) <= compose["secrets"].keys()
    assert (DEPLOY / service["build"]["context"]).resolve() == ROOT
    assert (ROOT / service["build"]["dockerfile"]).is_file()
    assert service["depends_on"]["database"]["condition"] == "service_healthy"
    assert "healthcheck" in compose["services"]["database"]


# --- The image ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_nothing_set")
def test_the_image_serves_as_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its user is a number that is not root's, its settings are known, and its health check is answered."""
    steps = container()
    assert [rest for word, rest in steps if word == "USER"] == ["65532:65532"]
    (variables,) = (rest for word, rest in steps if word == "ENV")
    environment = {
        name: value
        for name, value in (pair.split("=", 1) for pair in variables.split())
        if name.startswith("CONNECTOR_")
    }
    settings = settings_with(environment, monkeypatch, tmp_path)
    (volume,) = (rest for word, rest in steps if word == "VOLUME")
    assert settings.key_path.parent == Path(volume)
    words = [re.findall(r'"([^"]+)"', rest) for word, rest in steps if word in ("ENTRYPOINT", "CMD")]
    assert words[0] == ["connector"]
    assert options_of(words[1])["role"] == "all"
    here = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'connector.db'}"})
    (health,) = (rest for word, rest in steps if word == "HEALTHCHECK")
    (port, path) = re.findall(r"http://127\.0\.0\.1:(\d+)(/\w+)", health)[0]
    assert int(port) == settings.port
    assert is_answered(path, here, role="all")


def test_the_image_gets_what_it_copies_and_no_more() -> None:
    """What the container file copies is let in by .dockerignore and is there; nothing else is let in."""
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    copied = {
        word
        for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, flags=re.MULTILINE)
        for word in line.split()
    }
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {line[1:] for line in ignored if line.startswith("!")} == copied
    assert "*" in ignored
    assert all((ROOT / name).exists() for name in copied)


def test_the_image_has_what_any_directory_needs() -> None:
    """Databases and vendors' packages are in, so that who picks Okta can choose applications by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [project["optional-dependencies"][each] for each in ("postgres", "okta", "azure", "demo")]
    wanted = {re.split(r"[\[>=<]", each)[0] for extra in extras for each in extra}
    assert wanted <= pins("requirements.txt").keys()


@pytest.mark.parametrize("extra", ["otel"])
def test_the_image_takes_extras_of_the_same_lock(extra: str) -> None:
    """An extra to build in is one of the project's, and brings what the image has in the same versions."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    usual, further = pins("requirements.txt"), pins(f"requirements-{extra}.txt")
    wanted = {re.split(r"[>=<]", each)[0] for each in project["optional-dependencies"][extra]}
    assert wanted <= further.keys()
    assert not wanted & usual.keys()
    assert {name: usual[name] for name in usual.keys() & further.keys()}.items() <= further.items()


def pins(file: str) -> dict[str, str]:
    """The version of each package in hashed requirements."""
    text = (ROOT / file).read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)", text, flags=re.MULTILINE))


# --- systemd --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_nothing_set")
def test_the_unit_serves_with_its_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The verb and its options exist; a credential named after a setting sets it, other ones do no harm."""
    (start,) = unit()["ExecStart"]
    assert options_of(start.split()[1:])["config"] == "/etc/connector/config.yaml"
    text = (DEPLOY / "connector.service").read_text(encoding="utf-8")
    for name in re.findall(r"LoadCredential=(\w+):", text):
        (tmp_path / name).write_text(DATABASE + "\n" if name == "database_url" else "a-secret\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    settings = load()
    assert settings.database_url == DATABASE
    assert settings.key is not None
    assert settings.key.get_secret_value() == "a-secret"
    variables = dict(pair.split("=", 1) for line in unit()["Environment"] for pair in line.split())
    assert unknown_variables(variables) == []


def test_the_unit_is_hardened() -> None:
    """No root, no rights, nothing to write to but its state; it tells that it is ready."""
    (found,) = [{key: values[-1] for key, values in unit().items()}]
    assert (found["DynamicUser"], found["NoNewPrivileges"]) == ("yes", "yes")
    assert (found["ProtectSystem"], found["CapabilityBoundingSet"]) == ("strict", "")
    assert (found["Type"], found["StateDirectory"]) == ("notify", "connector")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_understands_every_line_of_the_unit(tmp_path: Path) -> None:
    """`systemd-analyze verify` says nothing, given a program where the unit wants it."""
    text = (DEPLOY / "connector.service").read_text(encoding="utf-8")
    copy = tmp_path / "connector.service"
    copy.write_text(text.replace("/opt/connector/bin/connector", sys.executable), encoding="utf-8")
    asked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False
    )
    assert (asked.returncode, asked.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_finds_the_unit_well_protected() -> None:
    """`systemd-analyze security` calls the exposure OK: below 2 of 10."""
    asked = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=20", str(DEPLOY / "connector.service")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 0, asked.stdout[-400:]
