"""`python -m corpus`: build a release, verify it, ask it, look at a file."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from corpus.console import errors, fail, output, plain_errors
from corpus.progress import Progress
from corpus.release import GateSummary, Release
from corpus.terminal import progress_bars, show_explanation, show_funnel

app = typer.Typer(
    help="Turn an archive store into a traceable, deduplicated, gated release.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

ReleaseFolder = Annotated[Path, typer.Argument(help="A release, as `build` printed it.")]


@app.command(
    epilog="Example: `python -m corpus build --archives archives --out releases --workers 8`"
)
def build(
    archives: Annotated[Path, typer.Option(help="The archive store that the crawl filled.")],
    out: Annotated[Path, typer.Option(help="Where releases go, each in a folder by version.")],
    config: Annotated[Path | None, typer.Option(help="TOML; see docs/how-to/build.md.")] = None,
    workers: Annotated[
        int, typer.Option(help="Worker processes; 0 works in this process.", min=0)
    ] = os.cpu_count() or 1,
    scheduler: Annotated[
        str | None, typer.Option(help="A running Dask scheduler, tcp://HOST:PORT.")
    ] = None,
) -> None:
    """Build a release, gate it, and give it its name if it passes.

    A build that was interrupted goes on where it was. Exit code 1 means that the gate failed,
    2 that something kept the build from finishing.
    """
    from corpus.pipeline import build_release

    with plain_errors(), progress_bars() as progress:
        outcome = build_release(archives, out, config, workers, scheduler, progress, _finish)
    show_funnel(outcome.release)
    output.print(f"release {outcome.release.manifest.version}: {outcome.release.path}")
    if outcome.failed:
        failed = "\n".join(f"  {name}" for name in outcome.failed)
        fail(f"the gate did not pass, so the candidate keeps its provisional name:\n{failed}", 1)


def _finish(candidate: Release, progress: Progress) -> GateSummary:
    from datacards.render import write as write_card
    from quality.gate import judge
    from quality.report import write as write_report

    progress.start("gate, report and card", 3)
    verdict = judge(candidate)
    progress.advance()
    write_report(candidate, verdict)
    progress.advance()
    write_card(candidate)
    progress.advance()
    return verdict.summary()


@app.command(epilog="Example: `python -m corpus verify releases/2026.11.1`")
def verify(release: ReleaseFolder) -> None:
    """Recheck every digest of a release. Exit code 1 means that something differs."""
    from corpus.release import DamagedRelease
    from corpus.release import verify as problems_of

    with plain_errors():
        opened = Release.open(release)
        problems = problems_of(opened)
    if problems:
        fail(str(DamagedRelease(release, problems)), 1)
    files = len(opened.manifest.shards) + len(opened.manifest.artifacts)
    output.print(f"{release}: {files} files as the manifest says; identity {opened.identity}")


@app.command(epilog="Example: `python -m corpus explain releases/2026.11.1 plug/lib/plug.ex`")
def explain(
    release: ReleaseFolder,
    wanted: Annotated[
        str,
        typer.Argument(
            metavar="PACKAGE[/PATH]|HASH",
            help="A package, a file in it, or 8 or more digits of a hash of either.",
        ),
    ],
) -> None:
    """Say what became of a package, a file or a hash, and why."""
    from corpus.explain import explain as look_up

    with plain_errors():
        show_explanation(look_up(Release.open(release), wanted))


@app.command(epilog="Example: `python -m corpus inspect lib/*.ex`")
def inspect(
    paths: Annotated[list[Path], typer.Argument(help="Elixir and Erlang source files.")],
) -> None:
    """Print what extraction finds in source files, one JSON line a file."""
    from corpus.errors import CorpusError
    from corpus.inspect import inspect as inspect_file

    failures = 0
    for path in paths:
        try:
            found = inspect_file(path)
        except CorpusError as error:
            failures += 1
            errors.print(f"error: {path}: {error}")
        else:
            typer.echo(json.dumps(found, ensure_ascii=False))
    if failures:
        raise typer.Exit(2)


if __name__ == "__main__":
    app(prog_name="python -m corpus")
