"""What benchmarks printed, as figures with names, and as a table beside the figures of a baseline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

NOISE = 1.15
"""Runs of one machine differ by so much without a cause; a ratio that grew by more has become worse."""

_CIRCUMSTANCES = frozenset({"machine", "counts"})
_AMOUNTS = frozenset({"events", "calls", "users", "groups", "memberships", "pages"})
"""How much was measured, not how fast it was."""


def figures(document: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, float]]:
    """("pull.10k.sqlite.initial.times_floor", 7.9) for every number below, in the document's order."""
    if isinstance(document, Mapping):
        for key, value in document.items():
            if key not in _CIRCUMSTANCES and not (key in _AMOUNTS and isinstance(value, int | float)):
                yield from figures(value, (*path, str(key)))
    elif isinstance(document, list):
        for place, each in enumerate(document):
            yield from figures(each, (*path, _name(each) or str(place)))
    elif isinstance(document, int | float) and not isinstance(document, bool):
        yield ".".join(path), float(document)


def _name(item: Any) -> str:
    """What tells one item of a list from the others: its texts, and how many users it has."""
    if not isinstance(item, Mapping):
        return ""
    users = [f"{item['users']}"] if "users" in item and "size" not in item else []
    return ".".join(users + [value for value in item.values() if isinstance(value, str)])


def is_ratio(name: str) -> bool:
    """Whether the figure compares two measurements of one run, so that it holds on another machine."""
    return "times" in name.rpartition(".")[2].split("_")


def worse(now: Mapping[str, float], baseline: Mapping[str, float]) -> dict[str, float]:
    """The ratios that grew by more than noise, by how much."""
    grown = {
        name: value / baseline[name] for name, value in now.items() if is_ratio(name) and baseline.get(name)
    }
    return {name: by for name, by in grown.items() if by > NOISE}


def table(now: Mapping[str, float], baseline: Mapping[str, float], machine: str) -> str:
    """Markdown: the ratios first, then what was measured in seconds, MiB and per second."""
    ordered = sorted(now, key=lambda name: not is_ratio(name))
    rows = [_row(name, now[name], baseline.get(name)) for name in ordered]
    grown = [f"- `{name}`: {by:.2f} × the baseline" for name, by in worse(now, baseline).items()]
    verdict = ["Worse than the baseline:", "", *grown] if grown else ["No ratio is worse than the baseline."]
    about = "Figures named `times_…` compare two measurements of this run and hold on other machines."
    head = [
        "# Benchmarks",
        "",
        f"{machine}. {about}",
        "",
        *verdict,
        "",
        "| figure | now | baseline | now / baseline |",
        "|---|---|---|---|",
    ]
    return "\n".join([*head, *rows]) + "\n"


def _row(name: str, value: float, before: float | None) -> str:
    shown = f"**`{name}`**" if is_ratio(name) else f"`{name}`"
    beside = f"{before:g} | {value / before:.2f}" if before else "– | –"
    return f"| {shown} | {value:g} | {beside} |"
