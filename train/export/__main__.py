"""`python -m train.export`: give away what a run learnt, checked before it is called done."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from corpus.console import HELP, Version, fail, output, plain_errors
from corpus.terminal import show_places

app = typer.Typer(rich_markup_mode="markdown", add_completion=False, context_settings=HELP)


class Form(StrEnum):
    """What to make of a run."""

    ADAPTER = "adapter"
    MERGED = "merged"
    GGUF = "gguf"
    HUB = "hub"


@app.command(
    epilog="Example: `python -m train.export build/demo/training --to merged`, "
    "`python -m train.export runs/devstral --to hub --repo you/devstral-elixir`"
)
def export(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    to: Annotated[Form, typer.Option(help="What to make of it.")],
    out: Annotated[
        Path | None, typer.Option(help="Where it goes; RUN/export/FORM unless given.")
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            help="The base in 16 bits, a folder or Hub name; the run's unless given. "
            "An adapter names it as its base."
        ),
    ] = None,
    converter: Annotated[
        Path | None,
        typer.Option(help="llama.cpp's convert_hf_to_gguf.py; looked for on PATH unless given."),
    ] = None,
    repo: Annotated[str | None, typer.Option(help="Where on the Hub, OWNER/NAME.")] = None,
    public: Annotated[
        bool, typer.Option("--public", help="Make a new Hub repository public.")
    ] = False,
    version: Version = False,
) -> None:
    """Export a run's adapter, merged 16-bit weights or GGUF, or publish the adapter on the Hub.

    What is written is loaded again and compared with base and adapter on logits before it gets its
    name. Exit code 2: it could not be done, or what came out says something else.
    """
    from train.export.run import open_run
    from train.quiet import quieten

    quieten()
    if (to is Form.HUB) != (repo is not None):
        fail("--to hub and --repo OWNER/NAME go together.", 2)
    with plain_errors():
        finished = open_run(run)
        if repo is not None:
            from train.export.hub import check_publishable, publish

            check_publishable(finished, repo, base)
        folder = out or run / "export" / (Form.ADAPTER if to is Form.HUB else to)
        show(folder, makers(base, converter)[to](finished, folder))
        if repo is not None:
            output.print(f"published at {publish(folder, repo, public=public)}")


def makers(
    base: str | None, converter: Path | None
) -> dict[Form, Callable[[Any, Path], dict[str, Any]]]:
    """Return what makes each form of a run in a folder."""
    from train.export.adapter import export_adapter
    from train.export.gguf import export_gguf
    from train.export.merged import export_merged

    def adapter(run: Any, out: Path) -> dict[str, Any]:
        return export_adapter(run, out, base)

    return {
        Form.ADAPTER: adapter,
        Form.MERGED: lambda run, out: export_merged(run, out, base),
        Form.GGUF: lambda run, out: export_gguf(run, out, base, converter),
        Form.HUB: adapter,
    }


def show(folder: Path, told: Mapping[str, Any]) -> None:
    """Print where the export is and how near it is to base and adapter."""
    show_places(export=folder)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_row("compared", f"{told['tokens']} tokens")
    for name, key, unit in (
        ("largest difference", "largest", "standard deviations of the logits"),
        ("divergence", "divergence", "nats a token"),
    ):
        allowed = told["tolerance"][key]
        table.add_row(name, f"{told[key]:.2g} {unit}, allowed {allowed:.2g}")
    table.add_row("the adapter makes", f"{told['effect']:.2g} nats a token")
    table.add_row("same likeliest token", f"{told['agreement']:.1%}")
    output.print(table)


if __name__ == "__main__":
    app(prog_name="python -m train.export")
