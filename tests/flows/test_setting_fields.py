"""The console's forms offer what the settings take: a choice missing there would be lost by saving."""

from typing import Any

import pytest

from connector.connection_settings import ConnectionSettings
from connector.directory_settings import TYPES
from connector.web.setting_fields import SettingField, fields_of
from tests.docs.settings_reference import choices

TABS = ("credentials", "mapping", "groups", "safeguards", "schedule", "log", "scope", "pull")
BY_COMMAND_LINE = {"type", "rate_share", "second_client_secret", "credentials_expire", "picture_attribute"}
"""Settings of one type that no form has; what they say stays when a form is saved."""


def _fields(type: str) -> dict[str, SettingField]:
    return {field.name: field for tab in TABS for field in fields_of(tab, type)}


@pytest.mark.parametrize("type", TYPES)
def test_every_setting_of_a_type_has_a_field(type: str) -> None:
    """Whatever a directory needs can be typed in the console."""
    own = set(TYPES[type].model_fields) - set(ConnectionSettings.model_fields)
    assert own - BY_COMMAND_LINE <= set(_fields(type))


@pytest.mark.parametrize("type", TYPES)
def test_a_choice_offers_all_that_the_setting_takes(type: str) -> None:
    """A value set by the command line is shown, and stays when the form is saved."""
    for name, field in _fields(type).items():
        if field.kind == "choice":
            assert {value for value, _ in field.options} == set(choices(_annotation(type, name))), name


def _annotation(type: str, path: str) -> Any:
    owner: Any = TYPES[type]
    *above, name = path.split(".")
    for step in above:
        owner = owner.model_fields[step].annotation
    return owner.model_fields[name].annotation
