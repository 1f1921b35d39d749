"""The thresholds of the gate, each with its reason."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class GateConfig:
    """Limits above or below which a promise is broken, or worth a warning."""

    parse_errors: float = 0.05
    """Share of documents in which the parser met an error. Elixir's and RabbitMQ's own sources
    stay under 0.02 (macros and templates that no grammar knows); beyond 0.05 the grammar or the
    reading of files is broken, and modules and functions cannot be trusted."""
    documents_in_split_clusters: float = 0.01
    """Share of documents whose cluster of near-duplicates reaches into another split. A cluster is
    a chain: its ends need not resemble each other, and boilerplate that many families share is
    left alone by the splitter. Direct near-duplicates across splits are never tolerated."""
    largest_package: float = 0.25
    """Share of all bytes from one package, warning only. Above a quarter, a model learns one
    team's habits; small releases get there honestly."""
    smallest_split: float = 0.01
    """Share of documents in the smallest split, warning only. Below it, figures on that split are
    noise: a hundred documents give a proportion to within ten points."""
    verified_licenses: float = 0.5
    """Least share of documents whose licence text was read and agrees, warning only. In a sample
    of 107 Hex releases 23 shipped no text at all, so less than half is a reader that broke."""
    frame_rows: int = 20_000
    """Rows judged at once; 0.43 GB a million rows were measured without the text."""
    examples: int = 3
    """Offending values shown a promise."""
