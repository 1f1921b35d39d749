"""Signals of quality: numbers on each kept document, which describe it and drop nothing.

They are a table of their own, made after selection, so that counting costs nothing for what is
left out and no stage rewrites a document. Some follow from the text (tokens, smells), some from the
other files of the archive (whether a test is paired with it), some from the store (age, downloads,
and how many packages require it). The optional score is a weighted mean of those that are known.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from math import log10
from pathlib import Path
from typing import Final, TypedDict

import pyarrow as pa
import pyarrow.compute as pc

from corpus.atomic import replacing
from corpus.elixir.smells import smells
from corpus.errors import CorpusError
from corpus.packages import Standing
from corpus.parts import part_writer, read_part
from corpus.rows import ModuleRow, SignalRow, SmellRow
from corpus.selection import of_kept
from corpus.tables import SCORE_PLACES, SIGNALS, SMELL_CHECKS
from corpus.tokens import count

BATCH_ROWS: Final = 256
COLUMNS: Final = (
    *("document_id", "source", "package", "version", "purl", "path", "license_expression"),
    *("archive_sha256", "language", "role", "text", "lines", "modules"),
    *("public_functions", "documented_functions", "specified_functions"),
)
DOCUMENTED: Final = ("elixir", "erlang")
"""Languages in which documentation of functions is extracted."""
TESTED: Final = ("library",)
"""Roles of documents that a test may be paired with."""
TEST_ENDINGS: Final = re.compile(r"(?:Test|Tests|Spec|_SUITE|_tests|_test)\Z")
"""Endings of the modules that test a module, as ExUnit, ESpec, EUnit and Common Test have them."""
GENERATED_NAMES: Final = re.compile(
    r"(?:\.\w+(?:Controller|Live|Socket|View|HTML|JSON)|\.(?:Endpoint|Repo|Router|Telemetry"
    r"|Layouts|Mailer))\Z"
)
"""Modules that a Phoenix application has by convention, whose names say what they are."""
MOST_DEPENDENTS: Final = 1_000
MOST_DOWNLOADS: Final = 10_000_000
"""Where a part of the score reaches 1; it grows with the logarithm."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """How much each part counts; a part that is not known of a document does not."""

    documented: float = 2.0
    """The share of public functions with documentation."""
    specified: float = 1.0
    """The share of public functions with a specification."""
    clean: float = 2.0
    """Few smells for its length: 1 without one, one half with one in 100 lines."""
    tested: float = 1.0
    """Whether a test of the archive is paired with it."""
    required: float = 1.0
    """How many packages of the store require its package: 1 from 1,000 on, by the logarithm."""
    downloaded: float = 1.0
    """Downloads of its package: 1 from ten million on, by the logarithm."""

    def __post_init__(self) -> None:
        """Raise ValueError for a weight that is negative or no number."""
        for each in fields(self):
            if not 0 <= getattr(self, each.name) < float("inf"):
                raise ValueError(f"{each.name} must be 0 or more")


@dataclass(frozen=True, kw_only=True, slots=True)
class SignalsConfig:
    """Whether documents have a score, and from what. No document is left out for its score."""

    score: bool = True
    weights: Weights = field(default_factory=Weights)


class DocumentRow(TypedDict):
    """What is read of a document, but for its text."""

    document_id: str
    source: str
    package: str
    version: str
    purl: str
    path: str
    license_expression: str
    archive_sha256: str
    language: str
    role: str
    lines: int
    modules: Sequence[ModuleRow]
    public_functions: int
    documented_functions: int
    specified_functions: int
    split: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SignalsTask:
    """A part of documents, the kept ones, and the file for their signals."""

    documents: Path
    kept: Path
    destination: Path
    standings: Mapping[str, Standing]
    """By digest of the archive."""
    config: SignalsConfig


def write_signals(task: SignalsTask) -> None:
    """Write the signals of the kept documents of a part; an existing file is not changed."""
    if task.destination.exists():
        return
    every = read_part(task.documents, columns=["archive_sha256", "role", "modules"])
    tested = dict(_tested(every))
    documents = of_kept(read_part(task.documents, columns=COLUMNS), task.kept)
    with replacing(task.destination) as temporary, part_writer(temporary, SIGNALS) as writer:
        for batch in documents.to_batches(BATCH_ROWS):
            writer.write_table(_signals(batch, tested, task))


def _tested(documents: pa.Table) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the archives that have tests, and the modules that these are named after."""
    tests = documents.filter(pc.equal(documents["role"], "test"))
    found: dict[str, set[str]] = {}
    for archive, modules in zip(
        tests["archive_sha256"].to_pylist(), tests["modules"].to_pylist(), strict=True
    ):
        names = found.setdefault(archive, set())
        names.update(TEST_ENDINGS.sub("", module["name"]) for module in modules)
    yield from ((archive, frozenset(names)) for archive, names in found.items())


def _signals(
    batch: pa.RecordBatch, tested: Mapping[str, frozenset[str]], task: SignalsTask
) -> pa.Table:
    texts = batch["text"].to_pylist()
    rows = batch.drop_columns(["text"]).to_pylist()
    found = [
        _signal(row, text, tokens, tested.get(row["archive_sha256"]), task)
        for row, text, tokens in zip(rows, texts, count(texts), strict=True)
    ]
    return pa.Table.from_pylist(found, schema=SIGNALS)


def _signal(
    row: DocumentRow,
    text: str,
    tokens: int,
    tested: frozenset[str] | None,
    task: SignalsTask,
) -> SignalRow:
    """Return the row of one document; `tested` are the modules that tests of its archive name."""
    found = _smells(row, text)
    standing = task.standings[row["archive_sha256"]]
    is_documented = row["language"] in DOCUMENTED
    public = row["public_functions"]
    signal: SignalRow = {
        "document_id": row["document_id"],
        "source": row["source"],
        "package": row["package"],
        "version": row["version"],
        "purl": row["purl"],
        "path": row["path"],
        "license_expression": row["license_expression"],
        "language": row["language"],
        "role": row["role"],
        "tekken_tokens": tokens,
        "documented_share": _share(row["documented_functions"], public) if is_documented else None,
        "specified_share": _share(row["specified_functions"], public),
        "smells": found,
        "smell_count": None if found is None else sum(each["count"] for each in found),
        "is_tested": _is_tested(row, tested),
        "age_days": standing.age_days,
        "package_age_days": standing.package_age_days,
        "downloads": standing.downloads,
        "recent_downloads": standing.recent_downloads,
        "dependents": standing.dependents,
        "score": None,
        "split": row["split"],
    }
    if task.config.score:
        signal["score"] = score(signal, row["lines"], task.config.weights)
    return signal


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _smells(row: DocumentRow, text: str) -> list[SmellRow] | None:
    """Return the smells of an Elixir document by check, None for what no tree shows."""
    if row["language"] != "elixir":
        return None
    try:
        found = smells(text.encode())
    except CorpusError:  # it cannot be parsed in time
        return None
    if undocumented := _without_moduledoc(row):
        found["Readability.ModuleDoc"] = undocumented
    return [{"check": name, "count": found[name]} for name in SMELL_CHECKS if name in found]


def _without_moduledoc(row: DocumentRow) -> int:
    """Count modules without `@moduledoc`; exceptions and scripts need none."""
    if row["path"].endswith(".exs"):
        return 0
    return sum(
        module["kind"] == "defmodule"
        and module["doc_kind"] is None
        and not GENERATED_NAMES.search(module["name"])
        and not any(each["name"] == "Exception" for each in module["behaviours"])
        for module in row["modules"]
    )


def _is_tested(row: DocumentRow, tested: frozenset[str] | None) -> bool | None:
    """Return whether a test is named after a module of the document.

    None where an archive has no tests, as most on Hex, and for what is no library's module.
    """
    if tested is None or row["role"] not in TESTED or not row["modules"]:
        return None
    return any(module["name"] in tested for module in row["modules"])


def score(signal: SignalRow, lines: int, weights: Weights) -> float | None:
    """Return the weighted mean of the parts that are known, from 0 to 1.

    None where nothing is known of the document itself: the standing of a package alone is none.
    """
    smells_found, is_tested = signal["smell_count"], signal["is_tested"]
    own = _known(
        (weights.documented, signal["documented_share"]),
        (weights.specified, signal["specified_share"]),
        (weights.clean, None if smells_found is None else lines / (lines + 100 * smells_found)),
        (weights.tested, None if is_tested is None else float(is_tested)),
    )
    if not own:
        return None
    parts = own + _known(
        (weights.required, _grown(signal["dependents"], MOST_DEPENDENTS)),
        (weights.downloaded, _grown(signal["downloads"], MOST_DOWNLOADS)),
    )
    whole = sum(weight for weight, _ in parts)
    return round(sum(weight * value for weight, value in parts) / whole, SCORE_PLACES)


def _known(*parts: tuple[float, float | None]) -> list[tuple[float, float]]:
    """Return the parts that are known, and that count."""
    return [(weight, value) for weight, value in parts if weight and value is not None]


def _grown(number: int | None, most: int) -> float | None:
    return None if number is None else min(1.0, log10(1 + number) / log10(1 + most))
