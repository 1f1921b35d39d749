"""`python -m datacards`: write the card of a release, and publish it on the Hub."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from corpus.console import Version, application, fail, output, plain_errors
from corpus.release import Release
from pages.formats import plural

if TYPE_CHECKING:
    from datacards.publishing import Plan

app = application("Write the card of a release, and publish it on the Hub.")


@app.callback()
def datacards(version: Version = False) -> None:
    """Write the card of a release, and publish it on the Hub."""


@app.command(epilog="Example: `python -m datacards render releases/2026.11.1`")
def render(
    release: Annotated[
        Path, typer.Argument(help="The folder of a release or candidate with a report.json.")
    ],
) -> None:
    """Write README.md (the card for the Hub), LICENSE.md, croissant.json and bom.cdx.json.

    The card of a published release is rendered again and compared, and never changed. Exit code 1:
    it differs from the published one. 2: there is no release or no report.
    """
    from datacards.render import CardDiffers, write

    with plain_errors(2):
        opened = Release.open(release)
        try:
            files = write(opened)
        except CardDiffers as error:
            fail(str(error), 1)
    output.print(f"{files.card}\n{files.license}\n{files.croissant}\n{files.materials}")


@app.command(
    epilog="Example: `python -m datacards publish releases/2026.11.1 you/elixir-corpus --dry-run`"
)
def publish(
    release: Annotated[Path, typer.Argument(help="The folder of a release that passed its gate.")],
    repository: Annotated[
        str, typer.Argument(metavar="REPO", help="The dataset's name on the Hub, OWNER/NAME.")
    ],
    private: Annotated[
        bool, typer.Option("--private", help="Make a new repository private.")
    ] = False,
    create_pr: Annotated[
        bool,
        typer.Option("--create-pr", help="End with a pull request that somebody else merges."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print what would be done.")
    ] = False,
) -> None:
    """Publish a release on the Hub as a dataset; readers see all of it or nothing.

    Files that are there already are not sent again, files of an earlier version are removed, the
    version is tagged, and everything is read back. Run it again after any interruption. Exit code
    1: the Hub refused or could not be reached, and the same command resumes. 2: this release cannot
    be published there, and nothing was changed.
    """
    from datacards.publishing import Differs, HubRefused
    from datacards.publishing import plan as compare
    from datacards.publishing import publish as carry_out

    with plain_errors(2):
        try:
            plan = compare(release, repository, private=private, dry_run=dry_run)
            show(plan)
            if dry_run:
                return
            published = carry_out(plan, create_pr=create_pr, tell=output.print)
        except (HubRefused, Differs) as error:
            fail(str(error), 1)
    if published.commit is None:
        output.print(
            f"proposed at {published.address}: merge it, then run the command again to tag"
        )
    else:
        output.print(f"published at {published.address}, commit {published.commit}")


def show(plan: "Plan") -> None:
    """Print the action for every file, and the repository."""
    from pages.formats import size

    missing = set(plan.missing)
    for path, file in sorted(plan.files.items()):
        state = "send" if path in missing else "there"
        output.print(f"{state:7}{file.sha256[:12]}  {size(file.bytes):>9}  {path}")
    for path in plan.stale:
        output.print(f"{'remove':7}{'':12}  {size(plan.main[path].bytes):>9}  {path}")
    bytes_to_send = sum(plan.files[path].bytes for path in missing)
    whole = sum(file.bytes for file in plan.files.values())
    kind = "private" if plan.is_private else "public"
    if plan.exists:
        state = f"{kind}, main holds {plan.replaced or 'no release'}"
    elif plan.asked:
        state = f"to be created, {kind}"
    else:
        state = "not asked what it holds, because HF_HUB_OFFLINE is set"
    output.print(f"{plan.repository}: {state}")
    output.print(
        f"{plan.version}: {len(missing)} of {plural(len(plan.files), 'file')} to send "
        f"({size(bytes_to_send)} of {size(whole)}), {len(plan.stale)} to remove"
    )


if __name__ == "__main__":
    app(prog_name="python -m datacards")
