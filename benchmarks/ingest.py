"""Ingest against the bare tree-sitter parse of the same files, in one process and one run.

    python -m benchmarks.ingest ARCHIVES [--config FILE]

ARCHIVES is an archive store, such as build/real/archives. The limit is the parser: reading a
release cannot be faster than parsing it. Every figure is processor time, the best of the rounds;
parse and ingest take turns, so that a busy or slow minute strikes both.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from corpus.archive import Member, open_hex_tarball
from corpus.configuration import BuildConfig, load
from corpus.extraction import Extraction
from corpus.filters import cut_encoded, decode, judge
from corpus.fingerprint import fingerprint
from corpus.ingest import Bundle, ingest, plan_bundles
from corpus.ingest.bundle import tables_of, write_part
from corpus.ingest.opened import OpenedArchive, open_archive
from corpus.ingest.source_file import EXTRACTORS, Parsed
from corpus.source import language_of
from corpus.store import ArchiveStore


def best(rounds: int, work: Callable[[], object]) -> float:
    """Return the shortest processor time in seconds that `work` took."""
    return min(timed(work) for _ in range(rounds))


def timed(work: Callable[[], object]) -> float:
    """Return the processor time in seconds that `work` takes."""
    started = time.process_time()
    work()
    return time.process_time() - started


def in_turns(rounds: int, first: Callable[[], object], second: Callable[[], object]) -> list[float]:
    """Return the best time of each, one after the other in every round."""
    return [
        min(times)
        for times in zip(*((timed(first), timed(second)) for _ in range(rounds)), strict=True)
    ]


def parsers() -> dict[str, Callable[[bytes], object]]:
    """Return a bare parser for every language that ingest extracts."""
    import tree_sitter_elixir
    from tree_sitter import Language, Parser
    from tree_sitter_language_pack import get_parser

    elixir = Parser(Language(tree_sitter_elixir.language()))
    return {"elixir": elixir.parse, "erlang": get_parser("erlang").parse}


def ingest_all(bundles: list[Bundle]) -> None:
    """Ingest every bundle into a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        for bundle in bundles:
            ingest(replace(bundle, destination=Path(folder) / bundle.destination.name))


def sources(bundles: list[Bundle]) -> list[tuple[str, bytes]]:
    """Return language and text of every document."""
    with tempfile.TemporaryDirectory() as folder:
        parts = [
            ingest(replace(bundle, destination=Path(folder) / bundle.destination.name))
            for bundle in bundles
        ]
        tables = [pq.read_table(part / "documents.parquet") for part in parts]
    return [
        (row["language"], row["text"].encode())
        for table in tables
        for row in table.select(["language", "text"]).to_pylist()
    ]


def measure(store: ArchiveStore, config: BuildConfig, rounds: int) -> dict[str, float]:
    """Return seconds by what was done, over all archives of the store."""
    bundles = plan_bundles(store.archives(), store, Path(), config.ingest)
    read = config.ingest.read
    bare = parsers()
    texts = [(language, text) for language, text in sources(bundles) if language in bare]
    print(f"{len(texts):,} files, {sum(len(text) for _, text in texts) / 1e6:.1f} MB of code")
    parse, whole = in_turns(
        rounds,
        lambda: [bare[language](text) and None for language, text in texts],
        lambda: ingest_all(bundles),
    )
    bodies = [store.read(archive) for archive in store.archives()]

    def unpack() -> list[Member]:
        opened = [open_hex_tarball(body, read.archive) for body in bodies]
        return [m for tarball in opened for m in tarball.members() if isinstance(m, Member)]

    opened = [
        open_archive(archive, path, frozenset(), read)
        for bundle in bundles
        for archive, path in zip(bundle.archives, bundle.paths, strict=True)
    ]
    parsed = [file for item in opened for file in item.files if isinstance(file, Parsed)]
    members = unpack()
    raw = [m for m in members if judge(m.path, m.data, read.file.filters) is None]
    code = [file for file in parsed if file.language in bare]

    def extract() -> list[Extraction]:
        return [EXTRACTORS[file.language](file.text) for file in code]

    print_config = read.file.fingerprint
    return {
        "bare parse": parse,
        "ingest": whole,
        "unpack": best(rounds, unpack),
        "filter": best(rounds, lambda: [judge(m.path, m.data, read.file.filters) for m in members]),
        "cut and decode": best(
            rounds,
            lambda: [
                decode(cut_encoded(m.data, read.file.filters)[0], language_of(m.path)) for m in raw
            ],
        ),
        "parse and extract": best(rounds, extract),
        "fingerprint": best(
            rounds,
            lambda: [
                fingerprint(f.text, f.language, f.extraction.doc_spans, print_config)
                for f in parsed
            ],
        ),
        "tables": best(rounds, lambda: tables_of(opened)),
        "write": best(rounds, lambda: write_all(opened)) - best(rounds, lambda: tables_of(opened)),
    }


def write_all(opened: list[OpenedArchive]) -> None:
    """Write parts into a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        for name, table in tables_of(opened).items():
            write_part(table, Path(folder) / f"{name}.parquet", "lz4")


def main() -> None:
    """Measure and print a table of seconds and of multiples of the bare parse."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("archives", type=Path)
    arguments.add_argument("--config", type=Path)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    config = load(given.config) if given.config else BuildConfig()
    seconds = measure(ArchiveStore(given.archives), config, given.rounds)
    table = Table("", "seconds", "bare parses")
    for name, value in seconds.items():
        table.add_row(name, f"{value:.2f}", f"{value / seconds['bare parse']:.2f}")
    Console().print(table)
    print(f"ingest runs at {seconds['bare parse'] / seconds['ingest']:.2f} of the bare parse rate")


if __name__ == "__main__":
    main()
