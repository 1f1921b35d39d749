"""`python -m quality`: check the promises of a release, and write its report."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from corpus.console import Version, application, errors, fail, output, plain_errors
from corpus.executor import Executor, connect
from corpus.release import Release
from quality.partial import is_worth_workers
from quality.terminal import show_json, show_verdict, working
from quality.verdict import GateVerdict, Outcome

app = application("Judge a release, and tell what is in it.")


@app.callback()
def quality(version: Version = False) -> None:
    """Check the promises of a release, and write its report."""


ReleaseFolder = Annotated[
    Path,
    typer.Argument(
        help="The folder of a release or candidate, as printed by `python -m corpus build`."
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        help="Number of worker processes; 0 uses this process only. Default: one per CPU, or 0 "
        "for a release of less than 50 MB.",
        min=0,
        show_default=False,
    ),
]


@app.command(
    epilog="Examples: `python -m quality gate releases/2026.11.1`, "
    "`python -m quality gate releases/2026.11.1 --json > verdict.json`"
)
def gate(
    release: ReleaseFolder,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
    every_check: Annotated[
        bool, typer.Option("--all", help="Also list the row promises that hold.")
    ] = False,
    workers: Workers = None,
) -> None:
    """Check the promises of a release.

    Exit code 0: all promises hold. 1: at least one is broken. 2: they could not be checked, because
    the folder is not a release, a shard is damaged, or a check raised an error.
    """
    with plain_errors():
        opened = Release.open(release)
        with _executor(opened, workers) as executor:
            verdict = _judge(opened, executor)
    if as_json:
        show_json(verdict)
    else:
        show_verdict(verdict, every_check=every_check)
    raise typer.Exit(verdict.exit_code)


@app.command(epilog="Example: `python -m quality report releases/2026.11.1`")
def report(release: ReleaseFolder, workers: Workers = None) -> None:
    """Check a candidate and write report.json and report.html into it.

    The report of a published release is made again and compared; the files are never changed. Exit
    code 1: it differs from the published one. 2: the release could not be read.
    """
    from quality.report.publishing import ReportDiffers, write

    with plain_errors():
        opened = Release.open(release)
        with _executor(opened, workers) as executor:
            verdict = _judge(opened, executor)
            if verdict.outcome is Outcome.UNCHECKED:
                show_verdict(verdict, every_check=False)
                fail(f"{release}: no report, because the release could not be checked.", 2)
            try:
                with working("writing the report"):
                    files = write(opened, verdict, executor)
            except ReportDiffers as error:
                fail(str(error), 1)
    published = opened.manifest.report_digest is not None
    output.print(f"{files.html}" + (" (as published, to the byte)" if published else ""))
    if verdict.outcome is Outcome.FAILED:
        errors.print("note: the gate failed; see the section Gate of the report.")


@contextmanager
def _executor(release: Release, workers: int | None) -> Iterator[Executor]:
    if workers is None:
        workers = (os.cpu_count() or 1) if is_worth_workers(release) else 0
    with connect(workers, None) as executor:
        yield executor


def _judge(release: Release, executor: Executor) -> GateVerdict:
    from quality.gate import judge

    with working("checking promises"):
        return judge(release, executor=executor)


if __name__ == "__main__":
    app(prog_name="python -m quality")
