"""The index of origins: what it takes, what it finds, and how long an answer takes.

    python -m benchmarks.origin RELEASE [--foreign FOLDER]... [--rows N] [--snippets N]

RELEASE is a release with the table `origin`. Four things are measured:

- the size of the index, in bytes a row of `origin`, a function and a document;
- the round trip: every document by its bytes, and reformatted; functions of at least 39 tokens,
  indented, in a fence and between prose;
- false positives: pieces of ten lines from files below the folders given with `--foreign`, which
  must hold no code of the release;
- time: a release of at least N rows of `origin`, made of the documents of RELEASE whose words are
  changed in each copy. The median, the 90th percentile and the longest of 300 questions about
  functions, of the first question to a release that is opened for it, and of a scan of all keys
  for the same questions, in turns.
"""

import argparse
import hashlib
import random
import re
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles

import numpy as np
import pyarrow as pa

from corpus.identifiers import swhid
from corpus.origin.index import OriginTask, runs_of, winnowed, write_origins
from corpus.origin.search import Answer, Origins, Relation
from corpus.parts import read_part, write_part
from corpus.release import Release, Shard
from corpus.release.planning import Part, ShardLimits, TableParts, plan_table
from corpus.release.runs import plan_runs, write_run
from corpus.release.shards import write_shard
from corpus.source import language_of
from corpus.tables import DOCUMENTS, KEPT

WORD = re.compile(r"\b[a-z_]{4,}\b")
LEAST = 39
"""Tokens in sequence that the index is sure to find."""


def sizes(release: Release) -> None:
    """Print what the index takes."""
    counts = {name: release.shards(name) for name in ("origin", "functions", "documents")}
    rows = {name: sum(shard.rows for shard in shards) for name, shards in counts.items()}
    taken = {name: sum(shard.bytes for shard in shards) for name, shards in counts.items()}
    print(f"{rows['origin']:,} rows of origin in {taken['origin']:,} bytes")
    for name, count in filter(lambda each: each[1], rows.items()):
        print(f"  {taken['origin'] / count:,.1f} bytes for each of {count:,} rows of {name}")
    print(f"  {taken['origin'] / taken['documents']:.2f} of the shards of documents")


def round_trip(release: Release, most: int) -> None:
    """Print how many documents and functions are found where they are."""
    origins, found = Origins(release), Counter[tuple[str, str]]()
    functions: list[tuple[str, bytes]] = []
    rows = ["document_id", "text"]
    for batch in release.batches("documents", rows):
        for row in batch.to_pylist():
            answer = origins.ask(row["text"].encode())
            found["by bytes", _is(answer, row["document_id"])] += 1
            spread = row["text"].replace("\n", "\r\n  ").encode()
            found["indented", _is(origins.ask(spread), row["document_id"])] += 1
    texts = dict(_texts(release))
    for batch in release.batches("functions", ["document_id", "clauses"]):
        for row in batch.to_pylist():
            first, last = row["clauses"][0], row["clauses"][-1]
            piece = texts[row["document_id"]][first["start_byte"] : last["end_byte"]]
            if len(runs_of(piece).tokens) >= LEAST:
                functions.append((row["document_id"], piece))
    for document, piece in random.Random(1).sample(functions, min(most, len(functions))):
        answer = origins.ask(pasted(piece))
        common = any(match.relation is Relation.COMMON for match in answer.matches)
        is_there = _is(answer, document)
        found["function", is_there if is_there else "common" if common else _what(answer)] += 1
    for (name, outcome), count in sorted(found.items(), key=str):
        print(f"  {name}: {count:,} {outcome}")


def _texts(release: Release) -> Iterator[tuple[str, bytes]]:
    for batch in release.batches("documents", ["document_id", "text"]):
        for row in batch.to_pylist():
            yield row["document_id"], row["text"].encode()


def pasted(piece: bytes) -> bytes:
    """Return a piece of code as a model's answer has it."""
    lines = b"\n".join(b"        " + line for line in piece.splitlines())
    return b"Here is the function:\n\n```elixir\n" + lines + b"\n```\n\nIt should work.\n"


def _is(answer: Answer, document: str) -> str:
    places = [place for match in answer.matches for place in match.places]
    return "found" if any(place.document_id == document for place in places) else ""


def _what(answer: Answer) -> str:
    return "elsewhere" if answer.matches else "not found"


def foreign(release: Release, folders: Sequence[Path], count: int) -> None:
    """Print what is said of pieces of ten lines that are from elsewhere."""
    pieces = []
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        if language_of(path.as_posix()):
            lines = path.read_bytes().splitlines(keepends=True)
            pieces += [b"".join(lines[n : n + 10]) for n in range(0, len(lines) - 9, 10)]
    pieces = [piece for piece in pieces if piece.strip() and b"\0" not in piece]
    chosen = random.Random(1).sample(pieces, min(count, len(pieces)))
    origins, found, shown = Origins(release), Counter[str](), 0
    for piece in chosen:
        answer = origins.ask(piece)
        found[str(answer.matches[0].relation) if answer.matches else "nothing"] += 1
        if answer.matches and shown < 5:
            shown += 1
            print("    |", answer.matches[0].told, [p.path for p in answer.matches[0].places])
    print(f"  {len(chosen):,} pieces from elsewhere: {dict(sorted(found.items()))}")


def enlarged(release: Release, folder: Path, least: int) -> Release:
    """Write a release of at least `least` rows of `origin`, of the documents with other words."""
    rows = 0
    parts: dict[str, list[Part]] = {"documents": [], "origin": []}
    copy = 0
    while rows < least:
        for number, batch in enumerate(release.batches("documents", None, None, 2000)):
            table = _reworded(pa.Table.from_batches([batch], DOCUMENTS), copy)
            paths = {
                name: folder / f"{name}-{copy}-{number}.arrow"
                for name in ("documents", "origin", "kept")
            }
            write_part(table, paths["documents"])
            write_part(table.select(KEPT.names), paths["kept"])
            plain = table.drop_columns(["cluster_id", "split"])
            write_part(plain, folder / "plain.arrow")
            task = OriginTask(folder / "plain.arrow", paths["kept"], paths["origin"])
            write_origins(task)
            rows += len(read_part(paths["origin"], ["line"]))
            parts["documents"].append(Part(paths["documents"], None))
            parts["origin"].append(Part(paths["origin"], None))
        copy += 1
    shards: list[Shard] = []
    for name, each in parts.items():
        table_parts, plans = plan_table((TableParts(name, tuple(each)), ShardLimits()))
        runs = [write_run(r) for r in plan_runs(name, table_parts.parts, plans, folder / "runs")]
        shards += [write_shard((runs, plan, folder / "large")) for plan in plans]
    replace(release.manifest, shards=tuple(shards)).write(folder / "large")
    (folder / "large" / "attribution.parquet").write_bytes(
        (release.path / "attribution.parquet").read_bytes()
    )
    return Release.open(folder / "large")


def _reworded(documents: pa.Table, copy: int) -> pa.Table:
    """Return documents as another author would have named everything."""
    rows = documents.to_pylist()
    for row in rows if copy else ():
        row["text"] = WORD.sub(lambda word: f"{word[0]}{copy}", row["text"])
        raw = row["text"].encode()
        row["bytes"], row["swhid"] = len(raw), swhid(raw)
        row["content_id"] = hash_of(row["content_id"], copy)
        row["document_id"] = hash_of(row["document_id"], copy)
    return pa.Table.from_pylist(rows, DOCUMENTS)


def hash_of(digest: str, copy: int) -> str:
    """Return another digest for a copy."""
    return hashlib.sha256(f"{digest}{copy}".encode()).hexdigest()


def timing(release: Release, count: int) -> None:
    """Print how long questions about functions take, and how long a scan for the same.

    The first question pays for what Python imports and compiles once, so it is not counted.
    """
    started = time.perf_counter()
    origins = Origins(release)
    print(f"  opened in {1000 * (time.perf_counter() - started):.1f} ms")
    texts = [text for _, text in _texts(release)]
    origins.ask(pasted(texts[0]))
    rng = random.Random(2)
    spent: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for number, text in enumerate(rng.sample(texts, count)):
        lines = text.splitlines()
        start = rng.randrange(max(1, len(lines) - 12))
        piece = pasted(b"\n".join(lines[start : start + 12]))
        with _timed(spent["answer"]):
            origins.ask(piece)
        with _timed(spent["opened, and answer"]):
            Origins(release).ask(piece)
        if number < 30:
            with _timed(spent["scan of the keys"]):
                hashes = runs_of(piece).hashes
                keys = np.unique(hashes[winnowed(hashes)])
                for batch in release.batches("origin", ["key", "content"], None, 65536):
                    np.isin(batch["key"].to_numpy(), keys).nonzero()
    for what, clocks in spent.items():
        for clock, times in clocks.items():
            told = (median(times), quantiles(times, n=10)[-1], max(times))
            middle, most, longest = (f"{1000 * each:.1f} ms" for each in told)
            print(f"  {what}, {clock}: median {middle}, 90% {most}, longest {longest}")
    for clock, times in spent["scan of the keys"].items():
        ratio = median(times) / median(spent["answer"][clock])
        print(f"  a scan takes {ratio:.1f} times as long as an answer, {clock} time")


@contextmanager
def _timed(spent: dict[str, list[float]]) -> Iterator[None]:
    """Add elapsed and processor time to lists."""
    elapsed, processor = time.perf_counter(), time.process_time()
    yield
    spent["elapsed"].append(time.perf_counter() - elapsed)
    spent["processor"].append(time.process_time() - processor)


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("release", type=Path, help="a release with the table origin")
    arguments.add_argument("--foreign", type=Path, action="append", default=[], help="a folder")
    arguments.add_argument("--rows", type=int, default=1_000_000, help="rows to make for the times")
    arguments.add_argument("--snippets", type=int, default=10_000, help="pieces from elsewhere")
    given = arguments.parse_args()
    release = Release.open(given.release)
    sizes(release)
    print("round trip")
    round_trip(release, 2_000)
    if given.foreign:
        print("from elsewhere")
        foreign(release, given.foreign, given.snippets)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "runs").mkdir()
        large = enlarged(release, Path(folder), given.rows)
        print("a larger release")
        sizes(large)
        timing(large, 300)


if __name__ == "__main__":
    main()
