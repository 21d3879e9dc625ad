"""Values as attributes want them: texts for booleans, objects for lists, and what is unassigned (lenient in).

A value that is None after coercion is unassigned.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from scim_server.attributes import Attribute
from scim_server.errors import invalid_syntax, invalid_value
from scim_server.knobs import DEFAULT, Knobs

_TRUE = frozenset({"true", "1"})
_FALSE = frozenset({"false", "0"})
_SHORT_OFFSET = re.compile(r"([+-]\d{2})(\d{2})$")
INSIGNIFICANT = frozenset({"type", "primary"})
"""Sub-attributes that alone do not make an entry worth keeping."""


@dataclass(slots=True)
class Reading:
    """How a request is read: its knobs, and the leniencies it needed, by quirk name."""

    knobs: Knobs = DEFAULT
    notes: list[str] = field(default_factory=list)

    def allow(self, quirk: str, detail: str) -> None:
        """Count a leniency, or refuse it where the connection is strict."""
        if self.knobs.strict:
            raise invalid_value(detail)
        self.notes.append(quirk)

    def unknown(self, name: str) -> None:
        if self.knobs.unknown_attributes == "reject":
            raise invalid_syntax(f"The attribute {name!r} is unknown; remove it from the mapping.")
        self.notes.append("entra_unknown_attribute")


def coerce(attribute: Attribute, value: Any, reading: Reading) -> Any:
    """``value`` as ``attribute`` wants it, None when it means unassigned; ScimError when it cannot be."""
    if value is None:
        return None
    if attribute.multi_valued:
        return coerce_list(attribute, value, reading)
    if isinstance(value, list):
        value = _only_element(attribute, value, reading)
    return None if value is None else _COERCERS[attribute.type](attribute, value, reading)


def _only_element(attribute: Attribute, value: list[Any], reading: Reading) -> Any:
    if not value:
        return None
    if len(value) > 1 or isinstance(value[0], list):
        raise invalid_value(f"{attribute.name} takes one value, not a list of {len(value)}.")
    reading.allow("generic_single_object", f"{attribute.name} takes one value, not a list.")
    return value[0]


def coerce_list(attribute: Attribute, value: Any, reading: Reading) -> list[Any] | None:
    """The entries of a multi-valued attribute: no empty ones, none twice, one primary at most (the first)."""
    if not isinstance(value, list):
        reading.allow("generic_single_object", f"{attribute.name} takes a list.")
        value = [value]
    entries = distinct(
        entry for each in value if (entry := coerce_entry(attribute, each, reading)) is not None
    )
    entries = [entry for entry in entries if significant(entry)]
    keep_one_primary(entries, last=False)
    return entries or None


def coerce_entry(attribute: Attribute, value: Any, reading: Reading) -> Any:
    """One entry of a multi-valued attribute."""
    if value is None or (isinstance(value, list) and not value):
        return None
    if isinstance(value, list):
        raise invalid_value(f"An entry of {attribute.name} is a list; send one list of entries.")
    return _COERCERS[attribute.type](attribute, value, reading)


def distinct(entries: Any) -> list[Any]:
    """The entries in order, each (type, value) once and each content once (RFC 7643 §2.4)."""
    kept: list[Any] = []
    seen: set[Any] = set()
    for entry in entries:
        key = identity(entry)
        if key not in seen:
            seen.add(key)
            kept.append(entry)
    return kept


def identity(entry: Any) -> Any:
    """What makes two entries of one attribute the same."""
    if not isinstance(entry, dict):
        return entry
    if "value" in entry:
        return (entry.get("type"), entry["value"])
    return tuple(sorted((name, str(value)) for name, value in entry.items() if name != "primary"))


def significant(entry: Any) -> bool:
    """Whether an entry says more than its type."""
    return not isinstance(entry, dict) or not entry.keys() <= INSIGNIFICANT


def keep_one_primary(entries: list[Any], *, last: bool) -> None:
    """Leave ``primary`` true on one entry at most; which one counts is ``last`` or the first."""
    marked = [entry for entry in entries if isinstance(entry, dict) and entry.get("primary") is True]
    for entry in marked[:-1] if last else marked[1:]:
        entry["primary"] = False


def _string(attribute: Attribute, value: Any, reading: Reading) -> str | None:
    if isinstance(value, str):
        return text_of(attribute.name, value) if value or reading.knobs.empty_string == "keep" else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid_value(f"{attribute.name} takes a text.")
    reading.allow("generic_number_and_text", f"{attribute.name} takes a text, not a number.")
    return str(value)


def text_of(name: str, value: str) -> str:
    """The text itself, unless it holds the NUL character, which no database keeps."""
    if "\0" in value:
        raise invalid_value(f"{name} holds a NUL character.")
    return value


def _boolean(attribute: Attribute, value: Any, reading: Reading) -> bool | None:
    if isinstance(value, bool):
        return value
    if value == "":
        return None
    text = str(value).strip().lower() if isinstance(value, str | int) else ""
    if text not in _TRUE and text not in _FALSE:
        raise invalid_value(f"{attribute.name} takes true or false.")
    quirk = "onelogin_numeric_booleans" if text in {"0", "1"} else "entra_string_booleans"
    reading.allow(quirk, f"{attribute.name} takes true or false, not a text or number.")
    return text in _TRUE


def _number(attribute: Attribute, value: Any, reading: Reading) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise invalid_value(f"{attribute.name} takes a number.")
    if isinstance(value, str):
        if not value:
            return None
        reading.allow("generic_number_and_text", f"{attribute.name} takes a number, not a text.")
        value = _parsed_number(attribute.name, value)
    if attribute.type == "integer" and value != int(value):
        raise invalid_value(f"{attribute.name} takes a whole number.")
    if abs(value) >= 2**63:
        raise invalid_value(f"{attribute.name} is too large.")
    return int(value) if attribute.type == "integer" else value


def _parsed_number(name: str, text: str) -> int | float:
    try:
        number = float(text)
    except ValueError:
        raise invalid_value(f"{name} takes a number.") from None
    if not math.isfinite(number):
        raise invalid_value(f"{name} takes a finite number.")
    return number


def _date_time(attribute: Attribute, value: Any, _reading: Reading) -> str | None:
    if not isinstance(value, str):
        raise invalid_value(f"{attribute.name} takes a date and time such as 2026-01-31T08:00:00Z.")
    if value and instant(value) is None:
        raise invalid_value(f"{attribute.name} takes a date and time such as 2026-01-31T08:00:00Z.")
    return value or None


def instant(text: str) -> datetime | None:
    """An RFC 3339 time (7 fraction digits, any offset, none is UTC) as aware UTC; None if it is none."""
    try:
        when = datetime.fromisoformat(_SHORT_OFFSET.sub(r"\1:\2", text.strip()))
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _complex(attribute: Attribute, value: Any, reading: Reading) -> dict[str, Any] | None:
    if isinstance(value, dict):
        entry = _sub_values(attribute, value, reading)
        return entry or None
    if value == "":
        return None
    value_sub = attribute.by_key.get("value")
    if value_sub is None or isinstance(value, bool) or not isinstance(value, str | int | float):
        raise invalid_value(f"{attribute.name} takes an object.")
    reading.allow("generic_bare_string_member", f"{attribute.name} takes an object, not a text.")
    coerced = coerce(value_sub, value, reading)
    return None if coerced is None else {value_sub.name: coerced}


def _sub_values(attribute: Attribute, value: Mapping[str, Any], reading: Reading) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    for key, given in value.items():
        sub = attribute.by_key.get(key.lower())
        if sub is None:
            if given is not None:
                reading.unknown(f"{attribute.name}.{key}")
            continue
        if sub.read_only or sub.name == "$ref":
            continue
        coerced = coerce(sub, given, reading)
        if coerced is not None:
            entry[sub.name] = coerced
    if "value" not in entry and "value" in attribute.by_key:
        referred = last_segment(value)
        if referred:
            entry["value"] = text_of(attribute.name, referred)
    return entry


def last_segment(value: Mapping[str, Any]) -> str | None:
    """The id at the end of a ``$ref``, for those who send only that."""
    reference = value.get("$ref")
    return reference.rstrip("/").rpartition("/")[2] if isinstance(reference, str) else None


_COERCERS: Mapping[str, Callable[[Attribute, Any, Reading], Any]] = {
    "string": _string,
    "reference": _string,
    "binary": _string,
    "boolean": _boolean,
    "integer": _number,
    "decimal": _number,
    "dateTime": _date_time,
    "complex": _complex,
}
