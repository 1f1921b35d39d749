"""The report as plain values: every section, in one dictionary."""

from typing import Any

from corpus.release import Release
from quality.report.sections.composition import composition, sizes
from quality.report.sections.concentration import concentration
from quality.report.sections.drift import drift
from quality.report.sections.duplicates import duplicates
from quality.report.sections.elixir import elixir
from quality.report.sections.funnel import funnel
from quality.report.sections.gate import gate
from quality.report.sections.identity import identity, summary
from quality.report.sections.instruct import instruct
from quality.report.sections.licenses import licenses
from quality.report.sections.limits import contamination, limits
from quality.report.sections.redactions import redactions, signals
from quality.report.sections.samples import samples
from quality.report.sections.tables import attribution, tables
from quality.report.sources import read_sources
from quality.verdict import GateVerdict

SCHEMA_VERSION = 2
"""Of report.json; docs/how-to/report.md describes its keys. A key that is removed or renamed, or
that the card needs anew, raises it."""


def compose(release: Release, verdict: GateVerdict | None) -> dict[str, Any]:
    """Work out every section of the report; equal releases and verdicts give equal values.

    Raises OSError and pyarrow.ArrowException for shards that cannot be read.
    """
    sources = read_sources(release)
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
        "concentration": concentration(sources),
        "contamination": contamination(),
        "redactions": redactions(sources),
        "signals": signals(sources),
        "instruct": instruct(sources),
        "samples": samples(sources),
        "gate": gate(verdict),
        "drift": drift(sources),
        "limits": limits(sources),
        "tables": tables(release),
        "attribution": attribution(),
    }
