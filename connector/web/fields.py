"""The fields of a posted form, as browsers send them without files."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

KIND: Final = "application/x-www-form-urlencoded"
COUNT_MAX: Final = 60_000

Fields = dict[str, list[str]]


async def fields_of(request: Request) -> Fields:
    """Every field with its values in order. Raises HTTPException for anything else than a form."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != KIND:
        raise HTTPException(415, "Send a form.")
    try:
        text = (await request.body()).decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=COUNT_MAX, errors="strict")
    except ValueError as error:
        raise HTTPException(400, "This form cannot be read.") from error
    found: Fields = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def last(fields: Fields, name: str, otherwise: str = "") -> str:
    """The last value of a field."""
    return fields.get(name, [otherwise])[-1]
