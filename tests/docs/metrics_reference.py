"""The table of metrics in docs/operate/monitor.md, written from the catalogue."""

from connector.metrics import METRICS, Metric

BEGINS, ENDS = "<!-- the table is generated -->\n", "<!-- to here -->\n"


def with_table(page: str) -> str:
    """The page with today's table between its marks."""
    before, _, rest = page.partition(BEGINS)
    _, _, after = rest.partition(ENDS)
    return f"{before}{BEGINS}{_table()}{ENDS}{after}"


def _table() -> str:
    head = "| metric | kind | labels | told by | says |\n|---|---|---|---|---|\n"
    return head + "".join(map(_row, METRICS))


def _row(metric: Metric) -> str:
    name = f"{metric.name}_total" if metric.kind == "counter" else metric.name
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{name}` | {metric.kind.value} | {labels} | {metric.of.value} | {metric.says} |\n"
