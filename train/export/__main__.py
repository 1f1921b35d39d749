"""`python -m train.export`: give away what a run learnt, checked before it is called done."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from corpus.console import Version, application, fail, output, plain_errors
from corpus.terminal import show_places
from train.export.llamacpp import Kind

if TYPE_CHECKING:
    from train.export.checking import Compared
    from train.export.gguf import Files

app = application("Export a run, checked before it is called done.")


class Form(StrEnum):
    """What to make of a run."""

    ADAPTER = "adapter"
    MERGED = "merged"
    GGUF = "gguf"
    HUB = "hub"


@app.command(
    epilog="Example: `python -m train.export build/demo/training --to merged`, "
    "`python -m train.export runs/devstral --to gguf --type q4_k_m --type q8_0`, "
    "`python -m train.export runs/devstral --to hub --repo you/devstral-elixir`"
)
def export(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    to: Annotated[Form, typer.Option(help="What to make of it; `hub` publishes the adapter.")],
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
    types: Annotated[
        list[Kind] | None,
        typer.Option(
            "--type",
            help="How a GGUF file holds weights; several make several files. Devstral Small: "
            "q4_k_m 14.3 GB, q8_0 25.0 GB, bf16 and f16 47.1 GB.",
            show_default="q4_k_m",
        ),
    ] = None,
    release: Annotated[
        Path | None,
        typer.Option(
            help="The run's release, whose held-out rows tell the cost of a GGUF type; "
            "where the run found it unless given."
        ),
    ] = None,
    converter: Annotated[
        Path | None,
        typer.Option(
            help="llama.cpp's convert_hf_to_gguf.py, for models other than Llama and Mistral; "
            "looked for on PATH unless given."
        ),
    ] = None,
    noise_multiple: Annotated[
        float,
        typer.Option(
            help="How far merged weights may be, in amplitudes of the model's own rounding noise.",
            min=0.0,
        ),
    ] = 3.0,
    most_divergence: Annotated[
        float | None,
        typer.Option(
            help="Mean divergence in nats a token that quantising may cost; 0.3 for q4_k_m and "
            "0.03 for q8_0 unless given.",
            min=0.0,
        ),
    ] = None,
    unchecked: Annotated[
        bool,
        typer.Option(
            "--unchecked", help="Write a 16-bit GGUF without llama.cpp; its card says so."
        ),
    ] = False,
    repo: Annotated[
        str | None, typer.Option(help="Publish it there on the Hub, OWNER/NAME.")
    ] = None,
    public: Annotated[
        bool, typer.Option("--public", help="Make a new Hub repository public.")
    ] = False,
    version: Version = False,
) -> None:
    """Export a run's adapter, merged 16-bit weights or GGUF, and publish it on the Hub.

    What is written is loaded again and compared with base and adapter on logits before it gets its
    name; a GGUF file by llama.cpp, with its tokenizer. Exit code 2: it could not be done, or what
    came out says something else.
    """
    from train.export.run import open_run
    from train.libraries import quieten

    quieten()
    if to is Form.HUB and repo is None:
        fail("--to hub takes --repo OWNER/NAME.", 2)
    form = Form.ADAPTER if to is Form.HUB else to
    with plain_errors():
        finished = open_run(run)
        if repo is not None:
            from train.export.hub import check_publishable, publish

            check_publishable(finished, repo, base, whole=form is not Form.ADAPTER)
        folder = out or run / "export" / form
        if form is Form.GGUF:
            from train.export.gguf import DEFAULT, Wanted, export_gguf

            wanted = Wanted(
                kinds=tuple(types or DEFAULT),
                base=base,
                converter=converter,
                release=release,
                multiple=noise_multiple,
                most=most_divergence,
                unchecked=unchecked,
            )
            show_files(folder, export_gguf(finished, folder, wanted))
        elif form is Form.MERGED:
            from train.export.merged import export_merged

            show(folder, export_merged(finished, folder, base, noise_multiple))
        else:
            from train.export.adapter import export_adapter

            show(folder, export_adapter(finished, folder, base))
        if repo is not None:
            output.print(f"published at {publish(folder, repo, public=public)}")


DEVIATIONS = "standard deviations of the logits"


def show(folder: Path, told: "Compared") -> None:
    """Print where the export is and how near it is to base and adapter."""
    show_places(export=folder)
    output.print(figures(told))


def figures(told: "Compared") -> Table:
    """Return a table of a comparison in 16 bits."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_row("compared", f"{told['tokens']} tokens")
    allowed = told["tolerance"]
    for name, found, bound, unit in (
        ("largest difference", told["largest"], allowed["largest"], DEVIATIONS),
        ("divergence", told["divergence"], allowed["divergence"], "nats a token"),
    ):
        table.add_row(name, f"{found:.2g} {unit}, allowed {bound:.2g}")
    table.add_row("the adapter makes", f"{told['effect']:.2g} nats a token")
    if "held" in told:
        table.add_row("kept of the adapter", f"{told['held']:.0%}, the rest is rounded away")
    table.add_row("same likeliest token", f"{told['agreement']:.1%}")
    if told.get("outweighed"):
        table.add_row("note", "rounding changes the model more than the adapter does")
    return table


def show_files(folder: Path, told: "Files") -> None:
    """Print where GGUF files are, and what each costs."""
    show_places(export=folder)
    if told["checked"]:
        output.print("before quantising, in llama.cpp:", figures(told["conversion"]))
    else:
        output.print("llama.cpp has not loaded it: --unchecked")
    table = Table(box=None, pad_edge=False)
    for name in ("type", "GB", "divergence", "99% below", "most", "same token"):
        table.add_column(name, justify="left" if name == "type" else "right")
    for kind, each in told["files"].items():
        size = f"{each['bytes'] / 1e9:.2f}"
        if "divergence" not in each:
            table.add_row(kind, size)
            continue
        spread = (each["divergence"], each["divergence_p99"], each["divergence_most"])
        table.add_row(kind, size, *(f"{of:.2g}" for of in spread), f"{each['agreement']:.1%}")
    output.print(table)
    output.print(f"in nats a token, on {told['text']}")
    for kind, each in told["files"].items():
        if each.get("outweighed"):
            output.print(f"{kind}: quantising changes the model more than the adapter does")


if __name__ == "__main__":
    app(prog_name="python -m train.export")
