"""What is read of templates, sigils and other files beside modules: shares that parse, and speed.

    python -m benchmarks.languages FOLDER [FOLDER ...]

Every file below the folders is read that a build reads, by its extraction alone. Of fragments it
counts those that parse, and of the components in them those whose module the file tells. Seconds
are processor time; `bare` is the parse by the language's grammar alone (for EEx that of ERB, which
has the same tags), and prose has none. The fenced blocks of guides and their texts are compared
with those of markdown-it-py.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt
from rich.console import Console
from rich.table import Table

from benchmarks.ingest import parsers
from corpus.errors import CorpusError
from corpus.extraction import Fragment
from corpus.filters import recode
from corpus.ingest.source_file import EXTRACTORS
from corpus.markdown import blocks
from corpus.source import PROSE, language_of


@dataclass
class Read:
    """What was read of one language."""

    files: int = 0
    bytes: int = 0
    seconds: float = 0.0
    bare: float = 0.0
    refused: Counter[str] = field(default_factory=Counter)


def texts(folders: list[Path]) -> Iterator[tuple[str, bytes]]:
    """Yield language and text of each file."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            language = language_of(path.relative_to(folder).as_posix())
            if language is not None and path.is_file():
                text = recode(path.read_bytes(), language)
                if isinstance(text, bytes) and text.strip():
                    yield language, text


def blocks_agree(text: bytes, reference: MarkdownIt) -> tuple[int, bool]:
    """Return how many fenced blocks the reference finds in a guide, and whether we find the same.

    Empty blocks do not count. Line ends are those of Unix.
    """
    text = text.replace(b"\r\n", b"\n")
    tokens = reference.parse(text.decode())
    theirs = [(t.info.strip(), t.content) for t in tokens if t.type == "fence" and t.content]
    ours = [(block.info.decode(), block.text.decode()) for block in blocks(text)]
    return len(theirs), ours == theirs


def timed(work: Callable[[bytes], object], text: bytes) -> float:
    """Return the processor time that reading a text takes."""
    started = time.process_time()
    work(text)
    return time.process_time() - started


def main() -> None:
    """Read the folders and print what was found."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("folders", type=Path, nargs="+")
    bare, read = parsers(), dict[str, Read]()
    for warm in ("heex", "eex", "gleam", "elixir", "erlang", "markdown"):
        EXTRACTORS[warm](b"a {b}\n")
    reference, compared = MarkdownIt("commonmark"), Counter[str]()
    found, components = Counter[tuple[str, str, bool | None]](), Counter[tuple[str, bool]]()
    for language, text in texts(arguments.parse_args().folders):
        told = read.setdefault(language, Read())
        started = time.process_time()
        try:
            fragments: tuple[Fragment, ...] = EXTRACTORS[language](text).fragments
        except CorpusError as error:
            told.refused[type(error).__name__] += 1
            continue
        told.seconds += time.process_time() - started
        told.files, told.bytes = told.files + 1, told.bytes + len(text)
        if language in PROSE:
            count, agree = blocks_agree(text, reference)
            compared.update(guides=1, blocks=count, agreeing=agree)
        if language in bare:
            told.bare += timed(bare[language], text)
        for each in fragments:
            found[each.kind, each.language or "none", each.is_parsed] += 1
            components.update((c.kind, c.module is not None) for c in each.components)
    files = Table("language", "files", "MB", "MB/s", "bare parses", "refused")
    for language, told in sorted(read.items()):
        speed = f"{told.bytes / told.seconds / 1e6:.1f}" if told.seconds else ""
        multiple = f"{told.seconds / told.bare:.2f}" if told.bare else "none"
        row = f"{told.files:,}", f"{told.bytes / 1e6:.2f}", speed, multiple
        files.add_row(language, *row, ", ".join(f"{n} {why}" for why, n in told.refused.items()))
    kinds = Table("fragment", "language", "number", "parsed", "with errors", "not read")
    for kind, language in sorted({key[:2] for key in found}):
        numbers = [found[kind, language, is_parsed] for is_parsed in (True, False, None)]
        kinds.add_row(kind, language, *(f"{n:,}" for n in (sum(numbers), *numbers)))
    Console().print(files, kinds)
    for kind in ("local", "remote", "slot"):
        told_modules, all_of_kind = (
            components[kind, True],
            sum(components[kind, k] for k in (False, True)),
        )
        print(f"{kind}: {all_of_kind:,}, of which {told_modules:,} with the module")
    print(
        f"{compared['blocks']:,} fenced blocks in {compared['guides']:,} guides; in "
        f"{compared['agreeing']:,} guides they are those of markdown-it-py"
    )


if __name__ == "__main__":
    main()
