"""`python -m datacards`: write the card of a release."""

from pathlib import Path
from typing import Annotated

import typer

from corpus.console import Version, application, fail, output, plain_errors
from corpus.release import Release

app = application("Write the card of a release, for the Hub and for search engines.")


@app.callback()
def datacards(version: Version = False) -> None:
    """Write the card of a release, for the Hub and for search engines."""


@app.command(epilog="Example: `python -m datacards render releases/2026.11.1`")
def render(
    release: Annotated[
        Path, typer.Argument(help="The folder of a release or candidate with a report.json.")
    ],
) -> None:
    """Write README.md (the card for the Hub) and croissant.json, only from report.json.

    The card of a published release is made again and compared, and never changed. Exit code 1: it
    differs from the published one. 2: there is no release or no report.
    """
    from datacards.render import CardDiffers, write

    with plain_errors(2):
        opened = Release.open(release)
        try:
            files = write(opened)
        except CardDiffers as error:
            fail(str(error), 1)
    output.print(f"{files.card}\n{files.croissant}")


if __name__ == "__main__":
    app(prog_name="python -m datacards")
