"""Writing the report: report.json is the product, report.html is how people read it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.atomic import canonical_json, write_bytes
from corpus.errors import CorpusError
from corpus.release import Release
from corpus.untrusted import parse_json
from quality.report.composing import SCHEMA_VERSION, compose
from quality.report.page import render
from quality.verdict import GateVerdict

JSON_NAME, HTML_NAME = "report.json", "report.html"

WRITE = "Write it with `python -m quality report RELEASE`."
FETCH = "The release was published with its report: fetch the release again."
CHECK_OUT = "Use the code at the commit that the release's manifest names."


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportFiles:
    """Where the two files of a report lie."""

    json: Path
    html: Path


class ReportDiffers(CorpusError):
    """A published release's report cannot be made again from its rows."""

    def __init__(self, path: Path, sections: list[str]) -> None:
        self.sections = sections
        named = ", ".join(sections) if sections else "only in how the page is drawn"
        hint = (
            " Lay the parent version beside this one and try again."
            if sections == ["drift"]
            else " Nothing was written: a published report is not changed. Check the release with "
            "`python -m corpus verify`, and the code with the commit that the manifest names."
        )
        super().__init__(
            f"{path}: the report made now differs from the published one: {named}.{hint}"
        )


class NoReport(CorpusError):
    """A release without a readable report.json."""

    def __init__(self, path: Path, detail: str, remedy: str) -> None:
        super().__init__(f"{path}: {detail}. {remedy}")


def write(release: Release, verdict: GateVerdict | None) -> ReportFiles:
    """Write report.json and report.html into a candidate; check those of a published release.

    Raises ReportDiffers where the published bytes are not what the rows give now, OSError and
    pyarrow.ArrowException where shards cannot be read.
    """
    data = canonical_json(compose(release, verdict))
    report = json.loads(data)
    found = ReportFiles(json=release.path / JSON_NAME, html=release.path / HTML_NAME)
    made = {found.json: data, found.html: render(report)}
    if release.manifest.report_digest is None:
        for path, content in made.items():
            write_bytes(path, content)
    elif any(path.read_bytes() != content for path, content in made.items()):
        raise ReportDiffers(release.path, _differences(read_report(release), report))
    return found


def read_report(release: Release) -> dict[str, Any]:
    """Read report.json. Raises NoReport where it is absent, not JSON or of another version."""
    path = release.path / JSON_NAME
    published = release.manifest.report_digest is not None
    try:
        report = parse_json(path.read_bytes())
    except FileNotFoundError as error:
        raise NoReport(path, "there is no report here", FETCH if published else WRITE) from error
    except ValueError as error:
        raise NoReport(path, f"not JSON ({error})", FETCH if published else WRITE) from error
    found = report.get("schema_version") if isinstance(report, dict) else None
    if found != SCHEMA_VERSION:
        detail = f"schema version {found}, this code reads {SCHEMA_VERSION}"
        raise NoReport(path, detail, CHECK_OUT if published else WRITE)
    return dict(report)


def _differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Name the sections that differ."""
    return [name for name in sorted(one.keys() | other.keys()) if one.get(name) != other.get(name)]
