"""`python -m train.report`: draw the report of a run again."""

from pathlib import Path
from typing import Annotated

import typer

from corpus.console import Version, application, output, plain_errors

app = application("Tell what a run learned.")


@app.command(
    epilog="Examples: `python -m train.report runs/devstral-2026.11.1`, "
    "`python -m train.report runs/devstral-2026.11.1 --release releases/2026.11.1`"
)
def report(
    run: Annotated[Path, typer.Argument(help="A folder that `python -m train.qlora` wrote.")],
    card: Annotated[
        bool, typer.Option("--card", help="Also write README.md, the model card.")
    ] = False,
    release: Annotated[
        Path | None,
        typer.Option(help="The run's release; the card then tells its licences. Implies --card."),
    ] = None,
    dataset: Annotated[str, typer.Option(help="The release's name on the Hub, for the card.")] = "",
    license_name: Annotated[
        str,
        typer.Option(
            "--license", help="The adapter's licence, by the Hub's name; apache-2.0 if unset."
        ),
    ] = "",
    version: Version = False,
) -> None:
    """Write RUN/report.html from run.json, recipe.json, metrics.jsonl and evaluation.json.

    Any of the four may be missing; a run that still goes on can be looked at. The same files give
    the same bytes. Exit code 2: there is no run, or one of its files cannot be read.
    """
    from train.report import write

    with plain_errors(2):
        output.print(str(write(run)))
        if card or release is not None:
            from corpus.release import Release
            from train.card import write as write_card

            opened = Release.open(release) if release is not None else None
            output.print(str(write_card(run, opened, license_name, dataset)))


if __name__ == "__main__":
    app(prog_name="python -m train.report")
