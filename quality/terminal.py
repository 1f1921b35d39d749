"""What the commands of quality show on a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.table import Table
from rich.text import Text

from corpus.atomic import canonical_json
from corpus.console import errors, output
from quality.verdict import Check, GateVerdict, Level, Outcome

MARKS = {
    Outcome.PASSED: ("passed", "green"),
    Outcome.WARNED: ("warned", "yellow"),
    Outcome.FAILED: ("FAILED", "bold red"),
    Outcome.UNCHECKED: ("UNKNOWN", "bold magenta"),
}
ENDINGS = {
    Outcome.PASSED: "The release keeps its promises.",
    Outcome.FAILED: "The release breaks a promise and must not be published. Mend what the "
    "failed checks name, then build again.",
    Outcome.UNCHECKED: "Nobody can say whether the release keeps its promises. Mend what the "
    "unknown checks name, then run the gate again.",
}


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show on a terminal that something takes a while."""
    if not errors.is_terminal:
        yield
        return
    with errors.status(what):
        yield


def show_verdict(verdict: GateVerdict, *, every_check: bool) -> None:
    """Print the checks as a table, row promises summed up unless all are wanted, and the end."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in range(3):
        table.add_column(overflow="fold")
    for check in verdict.checks:
        if every_check or check.level is Level.CORPUS or check.outcome is not Outcome.PASSED:
            table.add_row(*_cells(check, named=every_check))
    output.print(table)
    kept = sum(check.level is Level.ROW for check in verdict.with_outcome(Outcome.PASSED))
    output.print(f"{kept} promises about every row hold." if kept else "No row was judged.")
    word, style = MARKS[verdict.outcome]
    output.print(Text.assemble((word, style), "  ", ENDINGS[verdict.outcome]))


def _cells(check: Check, *, named: bool) -> tuple[Text, Text, Text]:
    """Return outcome, promise and finding; what does not hold is named, as `--json` names it,
    and every check with `named`.
    """
    promise, found = Text(check.expected), Text(check.observed)
    if named or check.outcome is not Outcome.PASSED:
        promise.append(f"\n{check.name}", "dim")
        found.append(f"\n{check.detail}" if check.detail else "", "dim")
    return Text(*MARKS[check.outcome]), promise, found


def show_json(verdict: GateVerdict) -> None:
    """Print the verdict as canonical JSON, for machines."""
    typer.echo(canonical_json(verdict.to_json()).decode(), nl=False)
