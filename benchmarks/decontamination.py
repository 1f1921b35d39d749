"""Decontamination on the real benchmarks: recall of injected problems, false hits, and speed.

    python -m benchmarks.decontamination ARCHIVES BENCHMARK... [--rounds N]

ARCHIVES is an archive store, such as build/real/archives; each BENCHMARK is what `build
--benchmarks` takes. Every problem becomes a text: its solution, or its prompt in a benchmark
without solutions, and its tests. The text, and each part alone, is changed in several ways and
compared with all problems. A problem counts as found if one of its passages is found in the text.
Renaming replaces names of the code, also those of functions of the language, and leaves comments as
they are, as people do; where both are removed, that is comments and documentation. `in a larger
file` puts the text at the end of the last module of a file of the archives.

False hits are documents of the archives in which a problem is found; look at them, since they may
be real. Speed is the processor time of comparing all documents, and of ingest, in turns.
"""

import argparse
import random
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.ingest import ingest_once, timed
from benchmarks.redaction import files
from corpus.configuration import BuildConfig
from corpus.decontamination.benchmarks import Benchmark, Problem, read_benchmarks
from corpus.decontamination.matching import (
    BATCH_BYTES,
    DOCUMENTATION,
    RESERVED,
    STANDARD,
    Index,
    Shares,
    Text,
    index_of,
    matches,
)
from corpus.fingerprint import comment_spans
from corpus.ingest.bundle import plan_bundles
from corpus.store import ArchiveStore

STRING = re.compile(rb'"(?:\\.|[^"\\])*"', re.DOTALL)
NAME = re.compile(rb"(?:\b[A-Z]\w*\.)?\b[A-Za-z_]\w*")
LONG = 20_000
"""Bytes of a file that problems are put into, at least."""
FORMAT = """
[folder] = System.argv()
for path <- Path.wildcard(folder <> "/*.ex") do
  try do
    File.write!(path, [Code.format_string!(File.read!(path)), 10])
  rescue
    _ -> File.rm!(path)
  end
end
"""

Change = Callable[[bytes, str, random.Random], bytes]


def spans_of(text: bytes, language: str) -> list[tuple[int, int]]:
    """Return comments and documentation, sorted."""
    docs = (match.span() for match in DOCUMENTATION[language].finditer(text))
    return sorted([*docs, *comment_spans(text, language)])


def without(text: bytes, spans: Sequence[tuple[int, int]]) -> bytes:
    """Remove spans."""
    pieces, position = [], 0
    for start, end in spans:
        pieces.append(text[position : max(start, position)])
        position = max(end, position)
    return b"".join([*pieces, text[position:]])


def bare(text: bytes, language: str, _: random.Random) -> bytes:
    """Remove comments and documentation."""
    return without(text, spans_of(text, language))


def uncommented(text: bytes, language: str, _: random.Random) -> bytes:
    """Remove comments."""
    return without(text, list(comment_spans(text, language)))


def undocumented(text: bytes, language: str, _: random.Random) -> bytes:
    """Remove documentation."""
    return DOCUMENTATION[language].sub(b"", text)


def renamed(share: float) -> Change:
    """Make a change that renames a share of the names of the code, each everywhere in it."""

    def rename(text: bytes, language: str, chance: random.Random) -> bytes:
        fixed = sorted([*spans_of(text, language), *(m.span() for m in STRING.finditer(text))])
        numbers, names = count(), dict[bytes, bytes]()

        def name(found: re.Match[bytes]) -> bytes:
            prefix, _, word = found[0].rpartition(b".")
            if prefix in STANDARD or word in RESERVED or word in STANDARD:
                return found[0]
            if word not in names:
                first = b"V" if word[:1].isupper() else b"v"
                new = b"%s%d_%x" % (first, next(numbers), chance.randrange(16**4))
                names[word] = new if chance.random() < share else word
            return found[0][: len(found[0]) - len(word)] + names[word]

        pieces, position = [], 0
        for start, end in [*fixed, (len(text), len(text))]:
            if end > position:
                pieces += [NAME.sub(name, text[position : max(start, position)])]
                pieces += [text[max(start, position) : end]]
                position = end
        return b"".join(pieces)

    return rename


def then(*changes: Change) -> Change:
    """Make one change of several."""

    def change(text: bytes, language: str, chance: random.Random) -> bytes:
        for each in changes:
            text = each(text, language, chance)
        return text

    return change


def inside(others: Sequence[bytes]) -> Change:
    """Make a change that puts a text into the last module of another file, as its last part."""

    def put(text: bytes, _: str, chance: random.Random) -> bytes:
        before, last, after = chance.choice(others).rpartition(b"\nend")
        return before + b"\n\n" + text + last + after

    return put


def formatted(texts: Sequence[bytes]) -> list[bytes | None]:
    """Format texts as `mix format` does; None for one that cannot be parsed, or without Elixir."""
    if shutil.which("elixir") is None:
        return [None] * len(texts)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.ex" for number in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_bytes(text)
        subprocess.run(["elixir", "-e", FORMAT, folder], check=True)
        return [path.read_bytes() if path.exists() else None for path in paths]


def samples(problem: Problem) -> Iterator[tuple[str, str, bytes]]:
    """Yield the solution, or else the prompt, and the tests: what they are, language and text."""
    parts = {each.part for each in problem.passages}
    language = next((each.language for each in problem.passages if each.language), "elixir")
    for part in ("solution" if "solution" in parts else "prompt", "tests"):
        texts = [each.text for each in problem.passages if each.part == part]
        if texts:
            yield part, language, "\n\n".join(texts).encode()


def holds(texts: Sequence[Text], names: Sequence[tuple[str, str]], index: Index) -> list[bool]:
    """Return whether each problem is found in its text."""
    found = set()
    for begin in range(0, len(texts), 50):
        for match in matches(texts[begin : begin + 50], index, Shares()):
            if index.passages[match.passage][:2] == names[begin + match.text]:
                found.add(begin + match.text)
    return [number in found for number in range(len(texts))]


def show_recall(benchmarks: Sequence[Benchmark], index: Index, others: Sequence[bytes]) -> None:
    """Print the share of problems that are found after each change."""
    changes: dict[str, Change | None] = {
        "verbatim": then(),
        "formatted": None,
        "comments removed": uncommented,
        "documentation removed": undocumented,
        "30% of names renamed": renamed(0.3),
        "all names renamed": renamed(1),
        "both removed, 30% renamed": then(bare, renamed(0.3)),
        "both removed, all renamed": then(bare, renamed(1)),
        "in a larger file": inside(others),
        "in a larger file, all renamed": then(renamed(1), inside(others)),
    }
    for what in ("whole", "solution", "tests"):
        table = Table(f"found: {what}", *(f"{each.name}" for each in benchmarks), "all")
        for name, change in changes.items():
            cells, total, sum_found = [], 0, 0
            for benchmark in benchmarks:
                texts = []
                for problem in benchmark.problems:
                    told = list(samples(problem))
                    if what == "whole":
                        language = told[0][1]
                        texts.append((problem.name, language, b"\n\n".join(t for _, _, t in told)))
                    else:
                        texts += [(problem.name, of, t) for kind, of, t in told if kind == what]
                if change is None:
                    pretty = formatted([text for _, _, text in texts])
                    made = [
                        (each, language, text)
                        for (each, language, _), text in zip(texts, pretty, strict=True)
                        if text is not None
                    ]
                else:
                    chance = random.Random(f"{benchmark.name} {name}")
                    made = [(each, of, change(text, of, chance)) for each, of, text in texts]
                names = [(benchmark.name, each) for each, _, _ in made]
                found = sum(holds([Text(text, of) for _, of, text in made], names, index))
                cells.append(f"{found} of {len(made)}")
                total, sum_found = total + len(made), sum_found + found
            table.add_row(name, *cells, f"{sum_found / max(1, total):.3f}")
        Console(width=160).print(table)


def compare(documents: Sequence[Text], index: Index) -> list[tuple[int, str]]:
    """Compare documents in batches; return the number of each that is hit, and by what."""
    hits, batch, size = [], list[Text](), 0
    for number, text in enumerate(documents):
        batch.append(text)
        size += len(text.data)
        if size > BATCH_BYTES or number + 1 == len(documents):
            begin = number + 1 - len(batch)
            for match in matches(batch, index, Shares()):
                told = ", ".join(index.passages[match.passage])
                hits.append((begin + match.text, f"{told}: {match}"))
            batch, size = [], 0
    return hits


def main() -> None:
    """Measure and print the tables."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("archives", type=Path, help="an archive store")
    arguments.add_argument("benchmarks", nargs="+", help="what `build --benchmarks` takes")
    arguments.add_argument("--rounds", type=int, default=3, help="turns of which the median counts")
    given = arguments.parse_args()
    benchmarks = read_benchmarks(given.benchmarks)
    index = Index(index_of(benchmarks))
    store = ArchiveStore(given.archives)
    documents = [Text(data, language) for language, data in files(store)]
    for each in benchmarks:
        told = {name for benchmark, name, _ in index.comparable() if benchmark == each.name}
        print(f"{each.name}: {len(each.problems)} problems, {len(told)} of them can be compared")
    elixir = [each.data for each in documents if each.language == "elixir"]
    long = [each for each in elixir if len(each) > LONG and b"\nend" in each]
    show_recall(benchmarks, index, long)
    hits = compare(documents, index)
    print(f"clean archives: {len(dict(hits))} of {len(documents)} files are hit")
    for number, match in hits:
        print(f"  {number}: {match}")
    bundles = plan_bundles(
        store.archives(), store, Path("unused"), BuildConfig().ingest, "benchmark", ()
    )
    turns = [
        (
            timed(lambda: compare(documents, index)),
            sum(timed(partial(ingest_once, bundle)) for bundle in bundles),
        )
        for _ in range(given.rounds)
    ]
    own, ingest = (median(turn[place] for turn in turns) for place in (0, 1))
    size = sum(len(each.data) for each in documents) / 1e6
    print(f"{size:.1f} MB: compared in {own:.2f} s ({size / own:.1f} MB/s), ingest {ingest:.2f} s")
    print(f"decontamination adds {own / ingest:.1%} to ingest")


if __name__ == "__main__":
    main()
