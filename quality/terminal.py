"""The output of the commands of quality on a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.text import Text

from corpus.console import errors, output, say_json
from quality.verdict import Check, GateVerdict, Level, Outcome

MARKS = {
    Outcome.PASSED: ("passed", "green"),
    Outcome.WARNED: ("warned", "yellow"),
    Outcome.FAILED: ("FAILED", "bold red"),
    Outcome.UNCHECKED: ("UNKNOWN", "bold magenta"),
}
ENDINGS = {
    Outcome.PASSED: "The release keeps its promises.",
    Outcome.FAILED: "The release breaks a promise and must not be published. Fix the causes of "
    "the failed checks, then build again.",
    Outcome.UNCHECKED: "Some promises of the release could not be checked. Fix the causes given "
    "by the unknown checks, then run the gate again.",
}


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show on a terminal that an operation is in progress."""
    if not errors.is_terminal:
        yield
        return
    with errors.status(what):
        yield


def show_verdict(verdict: GateVerdict, *, every_check: bool) -> None:
    """Print one line per check, and the outcome. Row promises that hold are only counted, unless
    `every_check` is set.
    """
    for check in verdict.checks:
        if every_check or check.level is Level.CORPUS or check.outcome is not Outcome.PASSED:
            _show_check(check, named=every_check)
    kept = sum(check.level is Level.ROW for check in verdict.with_outcome(Outcome.PASSED))
    output.print(f"{kept} promises about every row hold." if kept else "No row was judged.")
    word, style = MARKS[verdict.outcome]
    output.print(Text.assemble((word, style), "  ", ENDINGS[verdict.outcome]))


def _show_check(check: Check, *, named: bool) -> None:
    """Print outcome, promise and finding. The name of a check, as in `--json`, is added if it does
    not hold, or always with `named`. It is not a table, because a cell would cut the paths of
    files.
    """
    word, style = MARKS[check.outcome]
    output.print(Text.assemble((word, style), f"  {check.expected}: ", (check.observed, "bold")))
    if named or check.outcome is not Outcome.PASSED:
        for line in (check.name, *check.detail.splitlines()):
            output.print(Text(f"        {line}", "dim"))


def show_json(verdict: GateVerdict) -> None:
    """Print the verdict as canonical JSON, for machines."""
    say_json(verdict.to_json(), is_canonical=True)
