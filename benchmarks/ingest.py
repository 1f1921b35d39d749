"""Ingest against the bare tree-sitter parse of the same files, in one process and one run.

    python -m benchmarks.ingest ARCHIVES [--config FILE] [--rounds N]

ARCHIVES is an archive store, such as build/real/archives. The limit is the parser: reading a
release cannot be faster than parsing it. Every figure is processor time, summed over the bundles
of ingest. The speed of a virtual machine changes from second to second (that of the bare parse by
a third), so ingest stands between two bare parses and their ratio is what counts: the median of
the rounds for each bundle. What single rounds gave is printed too, and the ratio of an ingest that
redacts nothing. The stages take turns, and the median of each counts. With several rounds the
licence texts and notices of a bundle have been read before, as those of most packages have in a
large build. Guides have no bare parse; what reading them takes is a stage. The stages stand in the
order of ingest and add up to it; `rest` is what none of them does: opening files, the steps that
isolate them, and what rows that pile up cost in memory.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.progress import track
from rich.table import Table

from corpus.configuration import BuildConfig, load
from corpus.extraction import Extraction
from corpus.filters import Redaction, data_tags, judge, recode
from corpus.ingest.bundle import Bundle, ingest, plan_bundles, tables_of, uncollected
from corpus.ingest.opened import ReadConfig, fingerprint_files, open_archive
from corpus.ingest.source_file import EXTRACTORS, Parsed, describe
from corpus.licenses import judge_files
from corpus.parts import write_part
from corpus.reasons import Reject
from corpus.redaction import RedactionConfig, redact
from corpus.source import language_of
from corpus.sources import HexTarball, Member, open_hex_tarball
from corpus.store import ArchiveStore

Stages = dict[str, Callable[[], object]]


def timed(work: Callable[[], object]) -> float:
    """Return the processor time in seconds that `work` takes."""
    started = time.process_time()
    work()
    return time.process_time() - started


def parsers() -> dict[str, Callable[[bytes], object]]:
    """Return a bare parser for every language that ingest extracts."""
    import tree_sitter_elixir
    from tree_sitter import Language, Parser
    from tree_sitter_language_pack import get_parser

    elixir = Parser(Language(tree_sitter_elixir.language()))
    return {
        "elixir": elixir.parse,
        "erlang": get_parser("erlang").parse,
        "heex": get_parser("heex").parse,
        "eex": get_parser("embeddedtemplate").parse,
        "gleam": get_parser("gleam").parse,
    }


def ingest_once(bundle: Bundle) -> None:
    """Ingest a bundle into a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        ingest(replace(bundle, destination=Path(folder) / bundle.destination.name))


def documents(bundle: Bundle) -> tuple[list[Parsed], Stages]:
    """Return the documents of a bundle, and what follows when they are read."""
    opened = [
        open_archive(archive, path, bundle.config.read)
        for archive, path in zip(bundle.archives, bundle.paths, strict=True)
    ]
    tables = tables_of(opened)
    parsed = [file for item in opened for file in item.files if isinstance(file, Parsed)]

    def write() -> None:
        with tempfile.TemporaryDirectory() as folder:
            for name, table in tables.items():
                write_part(table, Path(folder) / name, is_random=name == "fingerprints")

    return parsed, {
        "fingerprint": lambda: [
            fingerprint_files(list(item.files), bundle.config.read.file) for item in opened
        ],
        "tables": lambda: tables_of(opened),
        "write": write,
    }


def unpacking(bundle: Bundle) -> Stages:
    """Return what stands before the parser."""
    read: ReadConfig = bundle.config.read
    limits = read.file.filters
    bodies = [path.read_bytes() for path in bundle.paths]

    def unpack() -> list[tuple[HexTarball, list[Member]]]:
        opened = [open_hex_tarball(body, read.archive) for body in bodies]
        return [(each, [m for m in each.members() if isinstance(m, Member)]) for each in opened]

    packages = unpack()
    judged = [
        (tarball.metadata.licenses or archive.licenses, {m.path: m.data for m in members})
        for archive, (tarball, members) in zip(bundle.archives, packages, strict=True)
    ]
    members = [member for _, group in packages for member in group]
    kept = [m for m in members if judge(m.path, m.data, limits) is None]

    def find_data() -> list[list[tuple[Redaction, bytes]]]:
        return [data_tags(member.data, limits) for member in kept]

    data = find_data()

    def redacted() -> list[tuple[bytes, tuple[Redaction, ...]]]:
        hidden = read.file.redaction
        return [
            redact(member.data, language_of(member.path), hidden, spans)
            for member, spans in zip(kept, data, strict=True)
        ]

    cut = redacted()

    def decode() -> list[bytes | Reject]:
        return [
            recode(raw, language_of(member.path))
            for member, (raw, _) in zip(kept, cut, strict=True)
        ]

    decoded = [
        (member, language, text, redactions)
        for member, (_, redactions), text in zip(kept, cut, decode(), strict=True)
        if (language := language_of(member.path)) and isinstance(text, bytes)
    ]
    return {
        "unpack": unpack,
        "licences": lambda: [judge_files(*each, read.license) for each in judged],
        "filter": lambda: [judge(m.path, m.data, limits) for m in members],
        "find data": find_data,
        "redact": redacted,
        "decode": decode,
        "describe": lambda: [describe(*each) for each in decoded],
    }


@dataclass
class Measured:
    """Processor seconds: of bare parse and ingest in pairs, by round, and of each stage.

    `unredacted` are the pairs of an ingest that redacts nothing.
    """

    pairs: list[tuple[float, float]]
    unredacted: list[tuple[float, float]]
    stages: dict[str, float]
    files: int
    bytes: int

    @property
    def bare(self) -> float:
        """The median bare parse."""
        return median(bare for bare, _ in self.pairs)

    def ingest(self, pairs: list[tuple[float, float]]) -> float:
        """Return what ingest takes at the speed at which the median bare parse was taken."""
        return self.bare * median(ingest / bare for bare, ingest in pairs)


def without_redaction(bundle: Bundle) -> Bundle:
    """Return a bundle whose files are read as they are."""
    read = bundle.config.read
    nothing = RedactionConfig(secrets=False, private_keys=False, emails=False, addresses=False)
    file = replace(read.file, redaction=nothing)
    return replace(bundle, config=replace(bundle.config, read=replace(read, file=file)))


def measure(bundle: Bundle, rounds: int) -> Measured:
    """Measure bare parse, ingest and its stages in turns."""
    bare = parsers()
    parsed, behind = documents(bundle)
    texts = [file.source for file in parsed]
    code = [(source.language, source.text) for source in texts if source.language in bare]

    def parse() -> None:
        for language, text in code:
            bare[language](text)

    def extract() -> list[Extraction]:
        return [EXTRACTORS[language](text) for language, text in code]

    prose = [(source.language, source.text) for source in texts if source.language not in bare]

    def read() -> list[Extraction]:
        return [EXTRACTORS[language](text) for language, text in prose]

    before = unpacking(bundle)
    work: Stages = {**before, "parse and extract": extract, "read guides": read, **behind}
    plain = without_redaction(bundle)
    pairs: list[tuple[float, float]] = []
    unredacted: list[tuple[float, float]] = []
    turns: list[dict[str, float]] = []
    with uncollected():
        ingest_once(bundle)
        for _ in range(rounds):
            first = timed(parse)
            whole = timed(lambda: ingest_once(bundle))
            between = timed(parse)
            pairs.append(((first + between) / 2, whole))
            whole = timed(lambda: ingest_once(plain))
            unredacted.append(((between + timed(parse)) / 2, whole))
            turns.append({name: timed(stage) for name, stage in work.items()})
    medians = {name: median(turn[name] for turn in turns) for name in work}
    return Measured(pairs, unredacted, medians, len(code), sum(len(text) for _, text in code))


def main() -> None:
    """Measure and print a table of seconds and of multiples of the bare parse."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("archives", type=Path, help="an archive store")
    arguments.add_argument("--config", type=Path, help="a build configuration")
    arguments.add_argument("--rounds", type=int, default=5, help="turns of which the median counts")
    given = arguments.parse_args()
    config = load(given.config) if given.config else BuildConfig()
    store = ArchiveStore(given.archives)
    bundles = plan_bundles(store.archives(), store, Path(), config.ingest)
    if not bundles or given.rounds < 1:
        arguments.error("there must be an archive to read and a round to read it in")
    found = [measure(each, given.rounds) for each in track(bundles, "measuring", transient=True)]
    files, size = sum(each.files for each in found), sum(each.bytes for each in found)
    print(f"{files:,} files, {size / 1e6:.1f} MB of code")
    bare = sum(each.bare for each in found)
    total = sum(each.ingest(each.pairs) for each in found)
    plain = sum(each.ingest(each.unredacted) for each in found)
    seconds = {name: sum(each.stages[name] for each in found) for name in found[0].stages}
    rest = total - sum(seconds.values())
    table = Table("", "seconds", "bare parses")
    for name, value in {"bare parse": bare, **seconds, "rest": rest, "ingest": total}.items():
        table.add_row(name, f"{value:.2f}", f"{value / bare:.2f}")
    Console().print(table)
    print(f"ingest runs at {bare / total:.2f} of the bare parse rate")
    rates = [
        sum(each.pairs[number][0] for each in found) / sum(each.pairs[number][1] for each in found)
        for number in range(given.rounds)
    ]
    print(f"single rounds: {min(rates):.2f} to {max(rates):.2f}")
    print(f"without redaction it runs at {bare / plain:.2f}")


if __name__ == "__main__":
    main()
