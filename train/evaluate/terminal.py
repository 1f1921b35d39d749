"""An evaluation as a table."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from corpus.console import output
from train.evaluate.measures import FEWEST, Measure


def show(measures: Sequence[Measure], against: str) -> None:
    """Print two models side by side, with the intervals of what differs."""
    columns = ("measure", "of", escape(against), "adapter", "difference (95%)")
    table = Table(*columns, box=None, pad_edge=False)
    group = ""
    for each in measures:
        if each.group != group:
            group = each.group
            table.add_row(f"{group}, {each.unit}")
        table.add_row(
            f"  {each.name}",
            f"{each.count:,}",
            f"{each.base.value:.4f}",
            f"{each.adapter.value:.4f}",
            told(each),
        )
    output.print(table)


def told(measure: Measure) -> str:
    """Return a difference with its interval, or that there are too few items for one."""
    found = measure.difference
    between = f"{found.low:+.4f} to {found.high:+.4f}"
    return f"{found.value:+.4f} ({'too few to tell' if measure.count < FEWEST else between})"
