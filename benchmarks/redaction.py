"""Redaction against the bare tree-sitter parse and the scanner alone, on the files of a store.

    python -m benchmarks.redaction ARCHIVES [--rounds N]

ARCHIVES is an archive store, such as build/real/archives. All three read the same files in one
process, in turns; the median of the rounds counts. `scanner` is kingfisher-secret-scanner on its
own, which redaction calls: what is above it are the rules of this project.
"""

import argparse
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.ingest import parsers, timed
from corpus.filters import Limits, judge
from corpus.redaction import RedactionConfig, redact
from corpus.source import language_of
from corpus.sources import ArchiveLimits, Member, source_named
from corpus.store import ArchiveStore


def files(store: ArchiveStore) -> list[tuple[str, bytes]]:
    """Return language and bytes of the source files that pass the filters."""
    found = []
    for archive in store.archives():
        body = store.path(archive).read_bytes()
        for member in source_named(archive.source).open(body, ArchiveLimits()).members:
            if isinstance(member, Member) and judge(member.path, member.data, Limits()) is None:
                found.append((language_of(member.path) or "", member.data))
    return found


def main() -> None:
    """Measure and print a table of rates and of ratios to the bare parse."""
    from kingfisher_sdk import Rules, Scanner

    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("archives", type=Path, help="an archive store")
    arguments.add_argument("--rounds", type=int, default=5, help="turns of which the median counts")
    given = arguments.parse_args()
    bare, scanner, config = parsers(), Scanner(Rules(), base64=False), RedactionConfig()
    read = [each for each in files(ArchiveStore(given.archives)) if each[0] in bare]
    redact(b'token = "aB3cD4eF5gH6iJ7kL8mN9"', "elixir", config)  # loads the scanner
    work = {
        "bare parse": lambda: [bare[language](raw) for language, raw in read],
        "scanner": lambda: [scanner.scan(raw) for _, raw in read],
        "redaction": lambda: [redact(raw, language, config) for language, raw in read],
    }
    turns = [{name: timed(each) for name, each in work.items()} for _ in range(given.rounds)]
    size = sum(len(raw) for _, raw in read) / 1e6
    seconds = {name: median(turn[name] for turn in turns) for name in work}
    print(f"{len(read):,} files, {size:.1f} MB of code")
    table = Table("", "MB/s", "times the bare parse's rate")
    for name, value in seconds.items():
        table.add_row(name, f"{size / value:.1f}", f"{seconds['bare parse'] / value:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
