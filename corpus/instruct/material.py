"""The material of instructions: the Elixir modules of packages, and parts of their source.

Parts are independent of their place: without indentation, and without other code between them.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import pyarrow as pa
import pyarrow.compute as pc

from corpus.rows import ClauseRow, FunctionRow, ModuleRow

COLUMNS = [
    *("document_id", "purl", "language", "role", "parse_errors", "license_expression", "split"),
]
BLANK_LINE = re.compile(rb"\n[ \t]*\r?\n")
NEAR = 4096
"""Number of bytes that are read around a position, because a line can be as long as a file."""
CODE = re.compile(rb"^[ \t]*[^#\s]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Material:
    """One document with its extraction; modules and functions are rows."""

    document_id: str
    purl: str
    license_expression: str
    split: str
    text: bytes
    modules: Sequence[ModuleRow]
    functions: Sequence[FunctionRow]


def documentation_of(item: ModuleRow | FunctionRow) -> str:
    """Return the documentation of a module or function, with Unix line ends.

    It is empty if there is none, if it is hidden, or if it is only known at run time: `@moduledoc
    File.read!("README.md")` is of the kind "string", but has no text.
    """
    return (item["doc"] or "").replace("\r\n", "\n").strip()


def library_modules(documents: pa.Table, functions: pa.Table) -> Iterator[Material]:
    """Yield the Elixir documents of libraries that parse without an error, in order."""
    usable = (
        (pc.field("language") == "elixir")
        & (pc.field("role") == "library")
        & (pc.field("parse_errors") == 0)
    )
    documents = documents.select([*COLUMNS, "text", "modules"]).filter(usable)
    ids = documents["document_id"]
    owned: defaultdict[str, list[FunctionRow]] = defaultdict(list)
    for function in functions.filter(pc.is_in(functions["document_id"], ids)).to_pylist():
        owned[function["document_id"]].append(function)
    for row in documents.to_pylist():
        yield Material(
            row["document_id"],
            row["purl"],
            row["license_expression"],
            row["split"],
            row["text"].encode(),
            row["modules"],
            owned[row["document_id"]],
        )


def clauses_of(text: bytes, clauses: Sequence[ClauseRow]) -> str:
    """Return all clauses of a function, given as rows of `tables.CLAUSE`.

    Comments and blank lines between clauses are kept; attributes and other functions are not.
    """
    pieces, previous = [], None
    for clause in clauses:
        start = line_start(text, clause["start_byte"])
        if previous is not None:
            pieces.append(between(text, previous, start))
        pieces.append(text[start : clause["end_byte"]])
        previous = clause["end_byte"]
    return dedented(b"".join(pieces))


def between(text: bytes, start: int, end: int) -> bytes:
    """Return the text between two clauses: the gap itself unless it contains code.

    The gaps of many functions may contain most of a file, so in a gap with code only the beginning
    is searched for a blank line.
    """
    beginning = text[start : min(end, start + NEAR)]
    gap = beginning if CODE.search(beginning) else text[start:end]
    if CODE.search(gap):
        return b"\n\n" if BLANK_LINE.search(beginning) else b"\n"
    return gap if b"\n" in gap else b"\n"


def line_starts(text: bytes) -> list[int]:
    """Return the start of every line, and the end of the text."""
    lengths = (len(line) + 1 for line in text.split(b"\n"))
    return list(accumulate(lengths, initial=0))


def line_start(text: bytes, position: int) -> int:
    """Return the start of a position's line if only blanks are before it."""
    before = text[max(0, position - NEAR) : position]
    start = position - len(before) + len(before.rstrip(b" \t\r\f\v"))
    return start if text[start - 1 : start] in (b"\n", b"") else position


def dedented(source: bytes) -> str:
    r"""Return source with the indentation of its first line removed from every line.

    Unlike textwrap.dedent it does not change lines that are indented less, such as the text of a
    multi-line string. Line ends become `\n`.
    """
    text = source.decode().replace("\r\n", "\n")
    indentation = text[: len(text) - len(text.lstrip(" \t"))]
    lines = (line.removeprefix(indentation) for line in text.split("\n"))
    return "\n".join(lines).strip("\n")
