"""Figures about the signals of quality: tokens, score, smells, tests, and standing of packages."""

from collections import Counter
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.release import Span
from corpus.tables import SCORE_PLACES
from quality.partial import Counts, Observed, Totals
from quality.report.figures import Section, counted, distribution, even_histogram, share, total
from quality.report.sources import Partial, Sources, tally

BINS: Final = 10
SHARES: Final = ("documented_share", "specified_share", "score")
WHOLE: Final = 10**SCORE_PLACES
"""A share of 1, as shares are counted: as whole numbers."""
STANDING: Final = ("age_days", "dependents", "downloads")


class Measured(Partial):
    """The signals of all documents."""

    table = "signals"
    columns = ("language", "tekken_tokens", "smells", "is_tested", *SHARES, *STANDING)

    def __init__(self) -> None:
        self.tokens = Observed()
        self.languages = Totals(["language"], ["rows", "tokens"])
        self.smells: Counts[str] = Counts()
        self.smelling: Counts[str] = Counts()
        self.read: Counts[str] = Counts()
        self.tested: Counts[str] = Counts()
        self.documented_share, self.specified_share, self.score = Observed(), Observed(), Observed()
        self.age_days, self.dependents, self.downloads = Observed(), Observed(), Observed()

    def add(self, batch: pa.RecordBatch, span: Span) -> None:
        """Count the signals of a batch."""
        self.tokens.add(batch["tekken_tokens"])
        rows = pa.repeat(pa.scalar(1, pa.int64()), len(batch))
        known = {"language": batch["language"], "tokens": batch["tekken_tokens"], "rows": rows}
        self.languages.add(pa.table(known))
        found = batch["smells"].flatten()
        checks, counts = (found.field(name).to_pylist() for name in ("check", "count"))
        for check, count in zip(checks, counts, strict=True):
            self.smells[check] += count
            self.smelling[check] += 1
        self.read["documents"] += len(batch) - batch["smells"].null_count
        self.read["clean"] += (
            pc.sum(pc.equal(pc.list_value_length(batch["smells"]), 0)).as_py() or 0
        )
        self.tested.update(map(str, batch["is_tested"].drop_null().to_pylist()))
        for name in SHARES:
            scaled = pc.round(pc.multiply(pc.cast(batch[name], pa.float64()), WHOLE))
            getattr(self, name).add(pc.cast(scaled, pa.int64()))
        for name in STANDING:
            getattr(self, name).add(batch[name])


def quality(sources: Sources) -> Section:
    """Return distributions of the signals; `documents` is 0 for a release without the table."""
    found = sources.of(Measured)
    tested, known = found.tested["True"], found.tested.total()
    return {
        "documents": found.tokens.total(),
        "tokens": distribution(*found.tokens.arrays()),
        "languages": _languages(sources, found),
        "score": _shares(found.score),
        "coverage": {
            "documented": _shares(found.documented_share),
            "specified": _shares(found.specified_share),
        },
        "smells": {
            "documents": found.read["documents"],
            "clean": found.read["clean"],
            "clean_share": share(found.read["clean"], found.read["documents"]),
            "checks": [
                {**row, "documents": found.smelling[row["name"]]} for row in counted(found.smells)
            ],
        },
        "tests": {"known": known, "tested": tested, "share": share(tested, known)},
        "standing": {name: distribution(*getattr(found, name).arrays()) for name in STANDING},
    }


def _languages(sources: Sources, found: Measured) -> list[Section]:
    """Return tokens and bytes a token by language, the most documents first."""
    sizes = {row["name"]: row["bytes"] for row in tally(sources.documents, "language")}
    table = found.languages.table
    counts = Counter(
        dict(zip(*(table[name].to_pylist() for name in ("language", "tokens")), strict=True))
    )
    return [
        {
            "name": name,
            "tokens": tokens,
            "share": share(tokens, total(table, "tokens")),
            "bytes_per_token": round(sizes.get(name, 0) / tokens, 2) if tokens else 0.0,
        }
        for name, tokens in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    ]


def _shares(found: Observed) -> Section:
    """Describe numbers from 0 to 1 by quantiles and an even histogram."""
    values, counts = found.arrays()
    told = distribution(values, counts)
    shares = np.repeat(values, counts)
    return {
        "count": told["count"],
        "mean": round(told["mean"] / WHOLE, SCORE_PLACES),
        "quantiles": {name: each / WHOLE for name, each in told["quantiles"].items()},
        "histogram": even_histogram(shares / WHOLE, 0, 1, BINS) if len(shares) else [],
    }
