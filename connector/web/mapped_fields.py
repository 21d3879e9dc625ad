"""Attribute rules as rows of a form: which field, where it comes from, what stands in for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from connector.web.fields import Fields, last

PROFILE: Final = ("email", "first_name", "last_name", "picture_url", "user_name")
NEW: Final = "new"
"""How the row of a field that is not mapped yet is called."""


def mapped_rows(one: Mapping[str, Any], form: Fields) -> list[dict[str, Any]]:
    """A row per field: those of the profile, the further ones that are mapped, and an empty one."""
    stored = one["settings"].get("attributes") or {}
    names = [*PROFILE, *sorted(stored.keys() - set(PROFILE))]
    rows = [_row(name, stored.get(name), form) for name in names]
    return [*rows, _row(NEW, None, form) | {"name": last(form, "attributes.new.name"), "is_new": True}]


def _row(name: str, rule: Any, form: Fields) -> dict[str, Any]:
    rule = rule if isinstance(rule, Mapping) else {"value": rule}
    path = f"attributes.{name}"
    values = {
        "value": last(form, path, str(rule.get("value") or "")),
        "default": last(form, f"{path}.default", str(rule.get("default") or "")),
        "on_create": "true" in form.get(f"{path}.on_create", ())
        if form
        else str(rule.get("on_create", "")).lower() == "true",
    }
    return {"name": name, "path": path, "is_new": False, **values}


def mapping_typed(form: Fields, one: Mapping[str, Any]) -> dict[str, Any]:
    """The rows as the setting ``attributes``; a field whose rule was emptied goes back to its default."""
    stored = one["settings"].get("attributes") or {}
    given = {name: _typed(form, f"attributes.{name}") for name in {*PROFILE, *stored}}
    new = last(form, "attributes.new.name").strip()
    if new or last(form, "attributes.new").strip():
        given[new] = _typed(form, "attributes.new")
    return given


def _typed(form: Fields, path: str) -> Any:
    rule = last(form, path).strip()
    if not rule:
        return None
    default = last(form, f"{path}.default").strip()
    on_create = "true" in form.get(f"{path}.on_create", ())
    # Every key is said, so that an old one does not stay behind when sections are merged.
    return {"value": rule, "default": default or None, "on_create": on_create or None}
