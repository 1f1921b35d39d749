"""Writing README.md and croissant.json of a release from its report.json and nothing else."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.atomic import canonical_json, write_bytes
from corpus.errors import CorpusError
from corpus.release import Release
from datacards.croissant import croissant
from datacards.front_matter import front_matter, split_name
from pages import frame
from quality.report import read_report

CARD_NAME, CROISSANT_NAME = "README.md", "croissant.json"

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass(frozen=True, kw_only=True, slots=True)
class CardFiles:
    """Where card and Croissant description lie."""

    card: Path
    croissant: Path


class CardDiffers(CorpusError):
    """A published release's card cannot be made again from its report."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path}: the card made now differs from the published one. Nothing was written: a "
            "published release is not changed. Check it with `python -m corpus verify`, and use "
            "the code at the commit that its manifest names."
        )


class UnusableReport(CorpusError):
    """The report.json of a published release is not what reports tell."""

    def __init__(self, path: Path, error: Exception) -> None:
        super().__init__(
            f"{path}: no card can be made from report.json ({type(error).__name__}: {error}). It "
            "was altered, or written by another version: check the release with `python -m corpus "
            "verify`, and use the code at the commit that its manifest names."
        )


def write(release: Release) -> CardFiles:
    """Write the card of a candidate; check that of a published release.

    Raises NoReport without a readable report.json, UnusableReport, CardDiffers, OSError.
    """
    published = release.manifest.report_digest is not None
    report = read_report(release)
    files = CardFiles(card=release.path / CARD_NAME, croissant=release.path / CROISSANT_NAME)
    try:
        made = {files.card: card(report), files.croissant: canonical_json(croissant(report))}
    except Exception as error:
        if not published:
            raise
        # Published reports are fetched from others: any value may be missing or another.
        raise UnusableReport(release.path, error) from error
    for path, data in made.items():
        if not published:
            write_bytes(path, data)
        elif not path.is_file() or path.read_bytes() != data:
            raise CardDiffers(path)
    return files


def card(report: dict[str, Any]) -> bytes:
    """Render the card from the values of report.json."""
    template = _environment().get_template("README.md.j2")
    text: str = template.render(**report, front_matter=front_matter(report))
    return f"{text.rstrip()}\n".encode()


@cache
def _environment() -> "Environment":
    environment = frame.environment("datacards", html=False)
    environment.filters["split_name"] = split_name
    return environment
