"""The terminal output of the commands of the corpus: stages, the funnel, explanations."""

import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress
from rich.table import Table

from corpus.console import PlainFormatter, Terminal, errors, output
from corpus.explain import DroppedFile, Explanation
from corpus.progress import Progress
from corpus.release import Release
from pages.formats import plural

if TYPE_CHECKING:
    from corpus.build import BuildPlan
    from corpus.comparison import Comparison, Example, PackageChange, TableChanges
    from corpus.origin.search import Answer
    from corpus.stages import Timing

SECONDS_BETWEEN_LINES = 30.0


class LogLevel(StrEnum):
    """The amount of output on standard error during a command."""

    DEBUG = "debug"
    """What libraries log, too."""
    INFO = "info"
    """A line for each stage."""
    WARNING = "warning"
    """Problems only."""


LogLevelOption = Annotated[
    LogLevel,
    typer.Option(
        "--log-level",
        help="The output on standard error: `info` prints a line for each stage, `debug` also the "
        "logs of libraries, `warning` only problems.",
    ),
]


class Stages:
    """Tells of stages: a line with count and seconds behind each, a bar for the current one.

    Without `bars` (no terminal) a stage that takes long gives a line now and then instead. The
    clock is in seconds.
    """

    def __init__(
        self, console: Console, bars: RichProgress | None, clock: Callable[[], float]
    ) -> None:
        self._console = console
        self._bars = bars
        self._clock = clock
        self._bar = bars.add_task("start", total=None) if bars else None
        self._stage: str | None = None
        self._total = self._done = 0
        self._began = self._told = 0.0

    def start(self, stage: str, total: int) -> None:
        """Tell of the stage before and begin another."""
        self.finish()
        self._stage, self._total, self._done = stage, total, 0
        self._began = self._told = self._clock()
        if self._bars is not None and self._bar is not None:
            self._bars.remove_task(self._bar)
            self._bar = self._bars.add_task(stage, total=total)

    def advance(self) -> None:
        """Count one step of the current stage."""
        self._done += 1
        if self._bars is not None and self._bar is not None:
            self._bars.advance(self._bar)
        elif self._done < self._total:
            self._tell_now_and_then()

    def finish(self) -> None:
        """Tell of the current stage, whether or not it came to its end."""
        if self._stage is not None:
            self._tell(f"{self._count()}, {self._seconds():,.1f} s")
        self._stage = None

    def _tell_now_and_then(self) -> None:
        now = self._clock()
        if now - self._told >= SECONDS_BETWEEN_LINES:
            self._told = now
            left = self._seconds() / self._done * (self._total - self._done)
            self._tell(
                f"{self._count()} so far, {self._seconds():,.0f} s, about {left:,.0f} s left"
            )

    def _tell(self, what: str) -> None:
        self._console.print(f"{self._stage}: {what}", highlight=False)

    def _count(self) -> str:
        share = "" if self._done == self._total else f"{self._done:,} of "
        return f"{share}{plural(self._total, 'step')}"

    def _seconds(self) -> float:
        return self._clock() - self._began


@contextmanager
def show_progress(level: LogLevel = LogLevel.INFO, console: Console = errors) -> Iterator[Progress]:
    """Yield what tells of stages on standard error, as much as `level` says."""
    if level is LogLevel.DEBUG:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(PlainFormatter(logging.Formatter(logging.BASIC_FORMAT)))
        logging.basicConfig(level=logging.DEBUG, handlers=[handler])
    quiet = level is LogLevel.WARNING
    if not console.is_terminal:
        yield from _staged(Terminal(quiet=True) if quiet else console, None)
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with RichProgress(
        *columns, TimeElapsedColumn(), console=console, transient=True, disable=quiet
    ) as bars:
        yield from _staged(Terminal(quiet=True) if quiet else console, bars)


def _staged(console: Console, bars: RichProgress | None) -> Iterator[Progress]:
    stages = Stages(console, bars, time.monotonic)
    try:
        yield stages
    finally:
        stages.finish()


def show_funnel(release: Release) -> None:
    """Print the number of files before and after every stage."""
    manifest = release.manifest
    table = Table("stage", "files in", "files out", "dropped because", box=None, pad_edge=False)
    for count in manifest.stages:
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in count.reasons.items())
        table.add_row(count.stage, f"{count.files_in:,}", f"{count.files_out:,}", reasons)
    rejected = manifest.archives_rejected
    opened = manifest.archives_seen - sum(rejected.values())
    reasons = "".join(f"; {reason} {n:,}" for reason, n in rejected.items())
    output.print(f"{plural(manifest.archives_seen, 'archive')} seen, {opened:,} opened{reasons}")
    output.print(table)


def show_timings(timings: "Sequence[Timing]") -> None:
    """Print how long each stage took; nothing for a release that was there already."""
    if not timings:
        return
    table = Table("stage", "seconds", "", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for each in timings:
        seconds = "unknown" if each.seconds is None else f"{each.seconds:,.1f}"
        table.add_row(each.stage, seconds, "" if each.ran else "by an earlier build")
    output.print(table)


def show_plan(plan: "BuildPlan") -> None:
    """Print what a build would do with each stage, and why, a line a stage."""
    if plan.release is not None:
        output.print(
            f"release {plan.release.manifest.version}: {plan.release.path} was built from the same "
            "archives, configuration and code. A build checks its digests and returns it."
        )
        return
    rows = [
        (
            step.stage,
            "goes on" if step.goes_on else "runs" if step.runs else "is there",
            f"{step.there:,} of {plural(step.files, 'file')} there",
            "; ".join(step.because),
        )
        for step in plan.steps
    ]
    rows.append(("gate, report and card", "runs", "", "every candidate is judged"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        told = "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        output.print(told.rstrip())
    output.print(f"release {plan.identity.version}, if the candidate passes its gate")


def show_places(**places: object) -> None:
    """Print where to look, a line a place: a table would cut a long path."""
    width = max(map(len, places))
    for name, place in places.items():
        output.print(f"{name:{width}}  {place}")


def show_explanation(found: Explanation) -> None:
    """Print the result of a lookup, one line per entry, and the number of entries."""
    for archive in found.archives:
        said = f"{archive.license_expression or 'no licence'} ({archive.license_evidence})"
        said = said if archive.license_evidence else "licence not judged"
        output.print(f"{archive.package} {archive.version}  sha256 {archive.sha256}  {said}")
    for kept in found.kept:
        said = f"{kept.license_expression} ({kept.license_evidence})"
        place = f"{kept.package}/{kept.path} {kept.version}"
        output.print(f"kept     {place}  {said}  {kept.role}  {kept.split}")
    for dropped in found.dropped:
        output.print(_dropped_line(dropped))
    if len(found.kept) + len(found.dropped) > 1:
        share = f"{len(found.kept):,} kept, " if found.kept or found.archives else ""
        output.print(f"{share}{len(found.dropped):,} dropped")


def show_origin(answer: "Answer") -> None:
    """Print what a release knows about a query: each finding, and whom to name for it."""
    if not answer.matches:
        output.print("nothing like it is in this release")
    for match in answer.matches:
        output.print(match.told)
        for place in match.places:
            output.print("\n".join(f"  {line}" for line in place.attribution.splitlines()))


def _dropped_line(dropped: DroppedFile) -> str:
    place = f"{dropped.package}/{dropped.path}" if dropped.path else dropped.package
    line = f"dropped  {place} {dropped.version}  {dropped.stage}: {dropped.reason}"
    if dropped.detail:
        line += f" ({dropped.detail})"
    if dropped.representative is not None:
        stands = dropped.representative
        line += f"; kept instead: {stands.package}/{stands.path} {stands.version}"
    return line


def show_comparison(found: "Comparison") -> None:
    """Print what differs between two releases, a line an entry; what is equal is left out."""
    for line in comparison_lines(found):
        output.print(line)


def comparison_lines(found: "Comparison") -> Iterator[str]:
    """Yield the lines of a comparison, with the causes of most documents first."""
    from corpus.comparison import CAUSES, MOVES

    told = {"same": "the same release", "parent": "its parent", "other": "not its parent"}
    yield f"{found.new.path} compared with {found.old.path} ({told[found.relation]})"
    yield from (f"note: {note}" for note in found.notes)
    for table in found.tables:
        if table.problem is None:
            before = plural(table.before, "row")
            yield f"{table.table}: {before} before, {table.now:,} now; {_rows(table)}"
    for sign, packages in (
        ("+", found.packages_added),
        ("-", found.packages_removed),
        ("~", found.packages_changed),
    ):
        for package in packages:
            yield f"{sign} package {package.package} {_versions(package)}{_because(package)}"
    for sign, causes in (("+", found.documents_added), ("-", found.documents_removed)):
        other = found.old if sign == "+" else found.new
        for cause in causes:
            why = CAUSES[cause.why].format(version=other.version, reason=cause.reason)
            yield f"{sign} {plural(cause.documents, 'document')}: {why}"
            yield from _example_lines(cause.examples, cause.documents)
    for move in found.documents_moved:
        why = MOVES[move.why]
        yield f"> {plural(move.documents, 'document')} from {move.before} to {move.now}: {why}"
        yield from _example_lines(move.examples, move.documents)
    for each in found.relicensed:
        yield f"~ {plural(each.documents, 'document')}: {each.before} before, now {each.now}"
    for name, figures in (
        ("licence", found.licenses),
        ("evidence", found.evidence),
        ("tokens", found.tokens),
        ("rejects", found.rejects),
    ):
        for figure in figures:
            if figure.before != figure.now:
                change = f"{figure.now - figure.before:+,}"
                yield f"{name} {figure.name}: {figure.before:,} to {figure.now:,} ({change})"


SHOWN = 5
"""Examples that are printed of each cause; JSON has more."""


def _rows(table: "TableChanges") -> str:
    said = [f"{table.kept:,} in both"]
    if table.changed:
        named = ", ".join(f"{name} {count:,}" for name, count in table.columns.items())
        said.append(f"{table.changed:,} of them changed ({named})")
    if table.carried_before or table.carried_now:
        counts = f"{table.carried_before:,} before, {table.carried_now:,} now"
        said.append(f"{counts} of unchanged files from another archive")
    return "; ".join([*said, f"{table.added:,} added", f"{table.removed:,} removed"])


def _versions(package: "PackageChange") -> str:
    before, now = (", ".join(each) for each in (package.before, package.now))
    return f"{before} to {now}" if before and now else before or now


def _because(package: "PackageChange") -> str:
    documents = f"{package.documents_before:,} to {package.documents_now:,} documents"
    said = package.why.replace("_", " ") if package.why else ""
    return f": {'; '.join(filter(None, [said, package.reason, documents]))}"


def _example_lines(examples: "Sequence[Example]", count: int) -> Iterator[str]:
    for example in examples[:SHOWN]:
        detail = f" ({example.detail})" if example.detail else ""
        yield f"    {example.package}/{example.path} {example.version}{detail}"
    if count > SHOWN:
        yield f"    and {count - SHOWN:,} more"
