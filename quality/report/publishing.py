"""Writing of the report: report.json, and report.html made from it."""

import json
from dataclasses import dataclass
from pathlib import Path

from corpus.atomic import canonical_json, write_bytes
from corpus.errors import CorpusError
from corpus.executor import SERIAL, Executor
from corpus.progress import Progress, Silent
from corpus.release import SPAN_ROWS, Release
from quality.report.behaviours import Resolved, behaviours
from quality.report.documents import composition, concentration, licenses, sizes
from quality.report.drift import drift
from quality.report.elixir import Broken, Functions, Modules, elixir
from quality.report.losses import (
    Clusters,
    Duplicates,
    Redacted,
    Signalled,
    duplicates,
    funnel,
    redactions,
    signals,
)
from quality.report.overview import contamination, gate, identity, limits, summary
from quality.report.page import render
from quality.report.published import HTML_NAME, JSON_NAME, SCHEMA_VERSION, Report, read_report
from quality.report.samples import Instructions, Readable, Rejects, instruct, samples
from quality.report.scores import Measured, quality
from quality.report.sources import Facts, Partial, Refusals, Sources, read_sources
from quality.report.tables import attribution, tables
from quality.report.tokens import Sampled, tokens
from quality.verdict import GateVerdict


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportFiles:
    """The paths of the two files of a report."""

    json: Path
    html: Path


class ReportDiffers(CorpusError):
    """The report of a published release differs from the one made from its rows now."""

    def __init__(self, path: Path, sections: list[str]) -> None:
        self.sections = sections
        named = ", ".join(sections) if sections else "only in the layout of the page"
        hint = (
            " Put the folder of the parent version beside this one and try again."
            if sections == ["drift"]
            else " Nothing was written, because a published report is never changed. Check the "
            "release with `python -m corpus verify`, and use the code at the commit that the "
            "manifest names."
        )
        super().__init__(
            f"{path}: the report made now differs from the published one: {named}.{hint}"
        )


COUNTED: tuple[type[Partial], ...] = (
    *(Facts, Modules, Broken, Clusters, Redacted, Signalled, Readable),
    *(Sampled, Measured, Functions, Resolved, Instructions, Refusals, Duplicates, Rejects),
)
"""The values that the sections are made from."""


def count(release: Release, executor: Executor = SERIAL, span_rows: int = SPAN_ROWS) -> Sources:
    """Count the values that the sections are made from, in spans of about `rows` rows."""
    return read_sources(release, COUNTED, executor, span_rows)


def write(
    release: Release,
    verdict: GateVerdict | None,
    executor: Executor = SERIAL,
    progress: Progress | None = None,
) -> ReportFiles:
    """Write report.json and report.html into a candidate, or check those of a published release.

    Raises ReportDiffers if the published bytes differ from those made now, Unreadable if shards
    cannot be read, WorkerDied, and OSError.
    """
    progress = progress or Silent()
    progress.start("report", 2)
    data = canonical_json(compose(release, verdict, executor))
    progress.advance()
    report = json.loads(data)
    found = ReportFiles(json=release.path / JSON_NAME, html=release.path / HTML_NAME)
    made = {found.json: data, found.html: render(report)}
    if release.manifest.report_digest is None:
        for path, content in made.items():
            write_bytes(path, content)
    elif any(path.read_bytes() != content for path, content in made.items()):
        raise ReportDiffers(release.path, _differences(read_report(release), report))
    progress.advance()
    return found


def compose(release: Release, verdict: GateVerdict | None, executor: Executor = SERIAL) -> Report:
    """Compute every section of the report. Equal releases and verdicts give equal values.

    Raises Unreadable for shards that cannot be read, WorkerDied, and OSError.
    """
    return tell(count(release, executor), verdict)


def tell(sources: Sources, verdict: GateVerdict | None) -> Report:
    """Make every section from the counts."""
    return {
        "schema_version": SCHEMA_VERSION,
        "identity": identity(sources),
        "summary": summary(sources),
        "funnel": funnel(sources),
        "licenses": licenses(sources),
        "composition": composition(sources),
        "sizes": sizes(sources),
        "duplicates": duplicates(sources),
        "elixir": elixir(sources),
        "behaviours": behaviours(sources),
        "concentration": concentration(sources),
        "quality": quality(sources),
        "tokens": tokens(sources),
        "contamination": contamination(sources),
        "redactions": redactions(sources),
        "signals": signals(sources),
        "instruct": instruct(sources),
        "samples": samples(sources),
        "gate": gate(verdict),
        "drift": drift(sources),
        "limits": limits(sources),
        "tables": tables(sources),
        "attribution": attribution(),
    }


def _differences(one: Report, other: Report) -> list[str]:
    """List the sections that differ."""
    return [name for name in sorted(one.keys() | other.keys()) if one.get(name) != other.get(name)]
