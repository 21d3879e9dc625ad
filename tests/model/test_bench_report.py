"""The table of the benchmarks: names for nested figures, and what became worse than the baseline."""

from benchmarks.report import figures, table, worse

PULL = {"size": "10k", "users": 10_000, "database": "sqlite", "initial": {"seconds": 2.9, "times_floor": 6.0}}
MEASURED = {
    "machine": {"cores": 2},
    "pull": {"results": [PULL]},
    "events": {"sqlite": {"feed": {"per_second": 9000, "events": 50_000}}},
}


def test_figures_have_names_and_counts_are_none() -> None:
    """Nested numbers are named by their way; machine and amounts are no figures."""
    assert dict(figures(MEASURED)) == {
        "pull.results.10k.sqlite.initial.seconds": 2.9,
        "pull.results.10k.sqlite.initial.times_floor": 6.0,
        "events.sqlite.feed.per_second": 9000.0,
    }


def test_only_a_ratio_beyond_noise_is_worse() -> None:
    """Seconds differ between machines and are not judged; a ratio that grew by a tenth is noise."""
    name = "pull.results.10k.sqlite.initial"
    baseline = {f"{name}.seconds": 1.0, f"{name}.times_floor": 5.5}
    assert worse(dict(figures(MEASURED)), baseline) == {}
    assert list(worse(dict(figures(MEASURED)), {f"{name}.times_floor": 4.0})) == [f"{name}.times_floor"]


def test_the_table_shows_ratios_first_and_says_what_is_worse() -> None:
    """Each figure stands beside its baseline; one that is new has none."""
    now = dict(figures(MEASURED))
    text = table(now, {"pull.results.10k.sqlite.initial.times_floor": 4.0}, "2 cores")
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert lines[1] == "| **`pull.results.10k.sqlite.initial.times_floor`** | 6 | 4 | 1.50 |"
    assert lines[-1] == "| `events.sqlite.feed.per_second` | 9000 | – | – |"
    assert "1.50 × the baseline" in text
