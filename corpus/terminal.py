"""What the commands of the corpus show on a terminal: progress bars and tables."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress
from rich.table import Table

from corpus.console import errors, output
from corpus.explain import Dropped, Explanation
from corpus.progress import Progress, Silent
from corpus.release import Release


class Bars:
    """One bar a stage, on standard error."""

    def __init__(self, bars: RichProgress) -> None:
        self.bars = bars
        self.current = bars.add_task("start", total=None)

    def start(self, stage: str, total: int) -> None:
        """Begin the bar of a stage."""
        self.bars.remove_task(self.current)
        self.current = self.bars.add_task(stage, total=total)

    def advance(self) -> None:
        """Move the bar by one step."""
        self.bars.advance(self.current)


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """Yield bars on a terminal, and silence anywhere else."""
    if not errors.is_terminal:
        yield Silent()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with RichProgress(*columns, TimeElapsedColumn(), console=errors, transient=True) as bars:
        yield Bars(bars)


def show_funnel(release: Release) -> None:
    """Print what went into every stage and what came out."""
    manifest = release.manifest
    table = Table("stage", "files in", "files out", "dropped because", box=None, pad_edge=False)
    for count in manifest.stages:
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in count.reasons.items())
        table.add_row(count.stage, f"{count.files_in:,}", f"{count.files_out:,}", reasons)
    rejected = manifest.archives_rejected
    opened = manifest.archives_seen - sum(rejected.values())
    reasons = "".join(f"; {reason} {n:,}" for reason, n in rejected.items())
    output.print(f"{manifest.archives_seen:,} archives seen, {opened:,} opened{reasons}")
    output.print(table)


def show_explanation(found: Explanation) -> None:
    """Print what became of what was asked for, a line a fact."""
    for archive in found.archives:
        said = f"{archive.license_expression or 'no licence'} ({archive.license_evidence})"
        output.print(f"{archive.package} {archive.version}  sha256 {archive.sha256}  {said}")
    for kept in found.kept:
        said = f"{kept.license_expression} ({kept.license_evidence})"
        output.print(f"kept     {kept.package}/{kept.path}  {said}  {kept.role}  {kept.split}")
    for dropped in found.dropped:
        output.print(_dropped_line(dropped))


def _dropped_line(dropped: Dropped) -> str:
    line = f"dropped  {dropped.package}/{dropped.path}  {dropped.stage}: {dropped.reason}"
    if dropped.detail:
        line += f" ({dropped.detail})"
    if dropped.representative is not None:
        stands = dropped.representative
        line += f"; kept instead: {stands.package}/{stands.path} {stands.version}"
    return line
