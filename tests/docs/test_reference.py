"""The reference is generated: what the program takes and answers is what the documentation says."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.docs import (
    api_reference,
    cli_reference,
    errors_reference,
    events_reference,
    metrics_reference,
    scim_reference,
    settings_reference,
    settings_schema,
)

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config.example.yaml"
PAGES = {
    "cli": cli_reference.page,
    "settings": settings_reference.page,
    "api": api_reference.page,
    "errors": errors_reference.page,
    "scim": scim_reference.page,
}


@pytest.mark.golden
@pytest.mark.parametrize("name", PAGES)
def test_the_reference_says_what_the_code_does(name: str, generated: Callable[[str, str], None]) -> None:
    """Each page of docs/reference is what its generator writes now."""
    generated(f"docs/reference/{name}.md", PAGES[name]())


@pytest.mark.golden
def test_every_event_is_explained_with_its_example(generated: Callable[[str, str], None]) -> None:
    """docs/build/events.md has each type of event, what it tells, and what the engine told."""
    generated("docs/build/events.md", events_reference.page())


@pytest.mark.golden
def test_the_table_of_metrics_is_the_catalogue(generated: Callable[[str, str], None]) -> None:
    """docs/operate/monitor.md explains every metric there is, and no other."""
    path = "docs/operate/monitor.md"
    generated(path, metrics_reference.with_table((ROOT / path).read_text(encoding="utf-8")))


@pytest.mark.golden
def test_the_schema_for_editors_is_that_of_the_settings(generated: Callable[[str, str], None]) -> None:
    """connector/config.schema.json is what the settings' models say now."""
    generated("connector/config.schema.json", settings_schema.document())


def test_every_verb_has_an_example() -> None:
    """Nobody has to guess how a verb is called."""
    without = [name for name, command in cli_reference.verbs() if not command.epilog]
    assert without == []


def test_the_schema_takes_the_example_and_names_a_mistake() -> None:
    """An editor is content with config.example.yaml and marks an unknown key and a wrong value."""
    checker = Draft202012Validator(json.loads(settings_schema.document()))
    example = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    assert list(checker.iter_errors(example)) == []
    connection = {
        "name": "acme",
        "type": "okta",
        "safeguards": {"suspensions": "5 or 10%"},
        "rank": "${RANK}",
    }
    assert list(checker.iter_errors(example | {"connections": [connection]})) == []
    assert list(checker.iter_errors(example | {"listn": "x"}))
    assert list(checker.iter_errors(example | {"connections": [connection | {"rank": "first"}]}))
