"""Templates: loaded once, everything escaped, unknown names a mistake."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape

from connector.web.field_mistakes import in_labels
from connector.web.words import FILTERS

_HERE: Final = Path(__file__).parent
STATIC: Final = _HERE / "static"


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(FILTERS, in_labels=in_labels)
    return made


def template(name: str) -> Template:
    return _environment().get_template(name)
