"""Sentences about wrong settings, put beside the fields of a form and into its words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from connector.web.setting_fields import SettingField

_OF_CONNECTION: Final = re.compile(r"^connection [^:]+: ")


def in_labels(message: str, fields: Iterable[SettingField]) -> str:
    """An error's sentence with the settings it names called as the form calls them."""
    told = _OF_CONNECTION.sub("", message)
    for field in fields:
        told = re.sub(rf"\b{re.escape(field.name)}\b(?!=)", f"“{field.label}”", told)
    told = told.replace("set mode=push", "let it only push")
    return told[:1].upper() + told[1:]


def mistakes_of(message: str, names: Iterable[str]) -> dict[str, str]:
    """An error's sentence as mistakes by field; what concerns no field stands under ""."""
    known = sorted(names, key=len, reverse=True)
    found: dict[str, str] = {}
    rest = []
    for part in _OF_CONNECTION.sub("", message).split("; "):
        path, colon, said = part.partition(": ")
        field = next(
            (name for name in known if path == name or path.startswith((f"{name}.", f"{name}["))), ""
        )
        if colon and field:
            found.setdefault(field, said[:1].upper() + said[1:])
        else:
            rest.append(part)
    return found | ({"": "; ".join(rest)} if rest else {})
