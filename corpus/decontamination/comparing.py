"""Comparing the documents of a build with benchmarks, and what is told of those that match.

All documents are compared, before the kept ones are selected, so that no duplicate takes the place
of a document that is left out. The whole document is left out, also if only one of its functions
matches: texts are never rewritten once they were read, what is around a solution tells of it too,
and few documents are concerned. Its functions and instruction rows go with it, and so do the
documents that are duplicates of it, although they may lack what matched.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final, TypedDict

import pyarrow as pa
import pyarrow.compute as pc

from corpus.atomic import replacing
from corpus.bounds import check_fractions
from corpus.decontamination.benchmarks import Benchmark, Fields
from corpus.decontamination.matching import (
    BATCH_BYTES,
    Index,
    Match,
    Shares,
    Text,
    index_of,
    matches,
)
from corpus.parts import open_part, part_writer, read_part, write_part
from corpus.reasons import Reason, Reject, Stage
from corpus.release.manifest import ComparedBenchmark

MATCHES: Final = pa.schema(
    [
        *((name, pa.string()) for name in ("document_id", "benchmark", "problem", "part", "kind")),
        *((name, pa.int64()) for name in ("grams", "of", "start_line", "end_line")),
    ]
)
"""One row for each passage of a problem that a document holds."""


class MatchRow(TypedDict):
    """A row of `MATCHES`."""

    document_id: str
    benchmark: str
    problem: str
    part: str
    kind: str
    grams: int
    of: int
    start_line: int
    end_line: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DecontaminationConfig:
    """From when on a document counts as holding a problem; measured in docs/decontamination.md."""

    words: float = 0.06
    """Share of the grams of words of a passage that is enough, from 0 to 1. Of 4,701 clean files
    the nearest has 0.043, because prompts quote the documentation of the language.
    """
    structure: float = 0.6
    """Share of the grams of structure of a solution or of tests that is enough, from 0 to 1. Of
    these files the nearest has 0.54, in a solution of three lines.
    """
    fields: Fields = field(default_factory=Fields)
    """Fields of benchmarks that have no known format."""

    def __post_init__(self) -> None:
        """Raise ValueError for a share that is no fraction."""
        check_fractions(self, "words", "structure")


@dataclass(frozen=True, kw_only=True, slots=True)
class CompareTask:
    """The documents of a bundle, the passages of all benchmarks, and the file for the matches."""

    documents: Path
    passages: Path
    destination: Path
    config: DecontaminationConfig


def write_passages(benchmarks: Sequence[Benchmark], destination: Path) -> None:
    """Write the grams of benchmarks; an existing file is not changed."""
    if not destination.exists():
        with replacing(destination) as temporary:
            write_part(index_of(benchmarks), temporary, is_random=True)


def write_matches(task: CompareTask) -> None:
    """Write what the documents of a part hold of benchmarks; an existing file is not changed."""
    if task.destination.exists():
        return
    index, shares = _index(task.passages), Shares(task.config.words, task.config.structure)
    with replacing(task.destination) as temporary, part_writer(temporary, MATCHES) as writer:
        for names, texts in _texts(task.documents) if index.passages else ():
            rows = [
                _row(names[match.text], texts[match.text].data, match, index)
                for match in matches(texts, index, shares)
            ]
            writer.write_table(pa.Table.from_pylist(rows, schema=MATCHES))


@lru_cache(maxsize=1)
def _index(passages: Path) -> Index:
    """Return the index of one file, which all tasks of a process use."""
    return Index(read_part(passages))


def _texts(documents: Path) -> Iterator[tuple[list[str], list[Text]]]:
    """Yield ids and texts of documents, some at a time."""
    with open_part(documents, ["document_id", "language", "text"]) as part:
        for number in range(part.num_record_batches):
            batch = part.get_batch(number)
            names, texts, size = list[str](), list[Text](), 0
            columns = (
                batch["document_id"].to_pylist(),
                batch["language"].to_pylist(),
                batch["text"].cast(pa.large_binary()).to_pylist(),
            )
            for name, language, text in zip(*columns, strict=True):
                names.append(name)
                texts.append(Text(text, language))
                size += len(text)
                if size > BATCH_BYTES:
                    yield names, texts
                    names, texts, size = [], [], 0
            yield names, texts


def _row(document_id: str, text: bytes, match: Match, index: Index) -> MatchRow:
    benchmark, problem, part = index.passages[match.passage]
    return {
        "document_id": document_id,
        "benchmark": benchmark,
        "problem": problem,
        "part": part,
        "kind": match.kind,
        "grams": match.grams,
        "of": match.of,
        "start_line": 1 + text.count(b"\n", 0, match.start),
        "end_line": 1 + text.count(b"\n", 0, match.end),
    }


@dataclass(frozen=True, slots=True)
class Contaminated:
    """The documents that are left out, with their reject, and the matches of those that match."""

    rejects: Mapping[str, Reject]
    matches: pa.Table


def contaminated(
    found: Sequence[Path],
    fingerprints: Sequence[Path],
    clusters: pa.Table,
    excluded: Collection[str],
) -> Contaminated:
    """Return the documents that hold a problem, and the documents that are duplicates of them.

    `found` are parts of `MATCHES`; `clusters` has the columns of `tables.CLUSTERS`. Documents in
    `excluded` are left out for another reason.
    """
    table = pa.concat_tables([MATCHES.empty_table(), *map(read_part, found)])
    out = pa.array(sorted(excluded), pa.string())
    table = table.filter(pc.invert(pc.is_in(table["document_id"], value_set=out)))
    by_document: dict[str, list[MatchRow]] = {}
    rows: list[MatchRow] = table.to_pylist()
    for row in rows:
        by_document.setdefault(row["document_id"], []).append(row)
    rejects = {
        document_id: Reject(Stage.DECONTAMINATE, Reason.CONTAMINATED, _detail(each))
        for document_id, each in by_document.items()
    }
    if rejects:
        names = _names(fingerprints, rejects.keys())
        wanted = pa.array(sorted(rejects), pa.string())
        follows = clusters.filter(pc.is_in(clusters["representative_id"], value_set=wanted))
        for pair in follows.select(["document_id", "representative_id"]).to_pylist():
            name, first = pair["document_id"], pair["representative_id"]
            if name not in by_document and name not in excluded:
                detail = f"a duplicate of {names[first]}, which holds {rejects[first].detail}"
                rejects[name] = Reject(Stage.DECONTAMINATE, Reason.CONTAMINATED, detail)
    return Contaminated(rejects, table)


def _detail(found: Sequence[MatchRow]) -> str:
    """Tell the best match of a document, and how many other problems it holds."""
    best = max(found, key=lambda row: (row["grams"] / row["of"], row["grams"]))
    others = {(row["benchmark"], row["problem"]) for row in found}
    others.remove((best["benchmark"], best["problem"]))
    more = f"; and of {len(others)} more" if others else ""
    return (
        f"{best['part']} of {best['benchmark']} {best['problem']} by {best['kind']}, "
        f"{best['grams']} of {best['of']} grams, lines {best['start_line']} to "
        f"{best['end_line']}{more}"
    )


def _names(fingerprints: Sequence[Path], documents: Collection[str]) -> dict[str, str]:
    """Return package and path of some documents."""
    names, wanted = dict[str, str](), pa.array(sorted(documents), pa.string())
    for part in fingerprints:
        table = read_part(part, columns=["document_id", "package", "path"])
        for row in table.filter(pc.is_in(table["document_id"], value_set=wanted)).to_pylist():
            names[row["document_id"]] = f"{row['package']}/{row['path']}"
    return names


def compared(
    benchmarks: Sequence[Benchmark], passages: Path, found: Path
) -> tuple[ComparedBenchmark, ...]:
    """Return what the manifest tells of each benchmark.

    `found` has the matches of the documents that were left out for them.
    """
    index = Index(read_part(passages))
    comparable = {passage[:2] for passage in index.comparable()}
    rows: list[MatchRow] = read_part(found).to_pylist()
    pairs = {(row["benchmark"], row["problem"], row["document_id"]) for row in rows}
    told = []
    for benchmark in benchmarks:
        own = [pair for pair in pairs if pair[0] == benchmark.name]
        problems = [(benchmark.name, problem.name) for problem in benchmark.problems]
        told.append(
            ComparedBenchmark(
                name=benchmark.name,
                digest=benchmark.digest,
                files=benchmark.files,
                problems=len(problems),
                compared=sum(each in comparable for each in problems),
                documents=len({document for _, _, document in own}),
                found=dict(sorted(Counter(problem for _, problem, _ in own).items())),
            )
        )
    return tuple(told)
