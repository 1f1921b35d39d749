"""`python -m demo`: the main job on packages that need no network, and on real code."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from corpus.console import output, plain_errors
from corpus.release import Release

app = typer.Typer(
    help="Run the main job on the shipped packages, or on real code from Debian.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Workers = Annotated[
    int | None, typer.Option(help="Worker processes; the number of processors unless given.", min=0)
]


@app.command(epilog="Example: `python -m demo run --out build/demo`")
def run(
    out: Annotated[Path, typer.Option(help="Where everything goes.")] = Path("build/demo"),
    workers: Workers = None,
) -> None:
    """Serve the shipped packages as a Hex repository, crawl it, and build a release from it.

    A second run finds what the first one left: it fetches nothing and builds nothing again.
    """
    from demo.run import run as run_demo

    with plain_errors():
        release = run_demo(out, workers)
    show_places(release)


@app.command(epilog="Example: `python -m demo real --out build/real`")
def real(
    out: Annotated[Path, typer.Option(help="Where everything goes.")] = Path("build/real"),
    workers: Workers = None,
) -> None:
    """Do the same with the sources of Debian's elixir and rabbitmq-server.

    Needs apt (with Debian's archive in reach) and rebar3; exit code 2 says what is missing.
    """
    from demo.real import run as run_real

    with plain_errors():
        outcome = run_real(out, workers)
    output.print()
    output.print(outcome.table())
    show_places(outcome.release)


def show_places(release: Release) -> None:
    """Print where to look."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, path in (
        ("release", release.path),
        ("report", release.path / "report.html"),
        ("card", release.path / "README.md"),
    ):
        table.add_row(name, str(path))
    output.print()
    output.print(table)


if __name__ == "__main__":
    app(prog_name="python -m demo")
