"""The material of instructions: the Elixir documents of one package, and parts of their source.

Parts are independent of their place: without indentation, and without other code between them.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, chain, combinations, groupby, starmap, takewhile
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from tree_sitter import Node

from corpus.elixir import Signature, Surroundings
from corpus.elixir.layout import ModuleBody, module_bodies
from corpus.elixir.repair import read
from corpus.rows import ClauseRow, FunctionRow, ModuleRow, ProtocolRow

COLUMNS = [
    *("document_id", "archive_sha256", "package", "purl", "path", "language", "role"),
    *("parse_errors", "license_expression", "split"),
]
PROTOCOLS = ["document_id", "start_line", "messages"]
ROLES = ["library", "test", "migration"]
BLANK_LINE = re.compile(rb"\n[ \t]*\r?\n")
NEAR = 4096
"""Number of bytes that are read around a position, because a line can be as long as a file."""
CODE = re.compile(rb"^[ \t]*[^#\s]", re.MULTILINE)
PRIVATE = frozenset({"defp", "defmacrop", "defguardp"})
"""Private kinds."""
NOUNS: Final = {"def": "function", "defmacro": "macro"}
"""Kinds that can be answers: delegates have no body, and private functions no documentation."""
LABEL: Final = re.compile(r"do|else|.*->", re.DOTALL)
"""The separator of a branch's construct and its section."""
MOST_ALTERNATIVES: Final = 50
"""Maximum number of alternatives, because each is compared with all others."""
STUB: Final = re.compile(r"\bnif_error\b|\braise\W+[Nn]ot (?:yet )?implemented")
"""Bodies that are placeholders for native code or unwritten code."""
LONGEST = 4_000_000
"""Bytes of a document that is still read; the longest of Elixir has 240 KB."""


@dataclass(eq=False)
class Material:
    """One document with its extraction; modules and functions are rows.

    `messages` has what the table of modules tells of messages, by the first line of the module.
    The parse and what follows from it are kept until `forget` is called.
    """

    document_id: str
    archive: str
    package: str
    purl: str
    path: str
    role: str
    license_expression: str
    split: str
    text: bytes
    modules: Sequence[ModuleRow]
    functions: Sequence[FunctionRow]
    messages: Mapping[int, Sequence[ProtocolRow]]

    @cached_property
    def root(self) -> Node:
        """The root of the parse tree. Raises Unparsable."""
        return read(self.text).root

    @cached_property
    def surroundings(self) -> Surroundings:
        """The names that its code uses. Raises Unparsable."""
        return Surroundings(self.text, ((0, len(self.text)),), self.root)

    @cached_property
    def bodies(self) -> Mapping[int, ModuleBody]:
        """The bodies of its modules by first line, from 1."""
        return {each.line + 1: each for each in module_bodies(self.text, self.root)}

    @cached_property
    def callable(self) -> Mapping[str, Mapping[Signature, FunctionRow]]:
        """The functions by module, then by name and every number of arguments they take.

        A name that is defined under several conditions has its first definition here.
        """
        found: defaultdict[str, dict[Signature, FunctionRow]] = defaultdict(dict)
        for each in self.functions:
            for arity in range(each["arity"] - each["defaults"], each["arity"] + 1):
                found[each["module"]].setdefault((each["name"], arity), each)
        return found

    @cached_property
    def line_starts(self) -> Sequence[int]:
        """The start of every line, and the end of the text."""
        return line_starts(self.text)

    def module_at(self, module: str, position: int) -> ModuleRow | None:
        """Return the innermost module of this name that has the position."""
        line = bisect_right(self.line_starts, position)
        around = (
            each
            for each in self.modules
            if each["name"] == module and each["start_line"] <= line <= each["end_line"]
        )
        return max(around, key=lambda each: each["start_line"], default=None)

    def forget(self) -> None:
        """Drop the tree and what was made from it: trees are many times as large as their text."""
        for name in ("root", "surroundings", "bodies", "callable"):
            self.__dict__.pop(name, None)


@dataclass(eq=False)
class Package:
    """The documents of one archive, in order."""

    materials: Sequence[Material] = field(default_factory=list)

    @property
    def libraries(self) -> Iterator[Material]:
        """The documents of its library code."""
        return (each for each in self.materials if each.role == "library")

    @cached_property
    def public(self) -> Mapping[tuple[str, str], Sequence[FunctionRow]]:
        """The public functions of its library code, by module and name."""
        found: defaultdict[tuple[str, str], list[FunctionRow]] = defaultdict(list)
        for each in chain.from_iterable(material.functions for material in self.libraries):
            if each["kind"] not in PRIVATE:
                found[each["module"], each["name"]].append(each)
        return found


def documentation_of(item: ModuleRow | FunctionRow) -> str:
    """Return the documentation of a module or function, with Unix line ends.

    It is empty if there is none, if it is hidden, or if it is only known at run time: `@moduledoc
    File.read!("README.md")` is of the kind "string", but has no text.
    """
    return (item["doc"] or "").replace("\r\n", "\n").strip()


def packages(documents: pa.Table, functions: pa.Table, modules: pa.Table) -> Iterator[Package]:
    """Yield the Elixir documents that parse without an error by archive, in order.

    `documents` have a split; those of one archive follow each other. Libraries, tests and
    migrations count.
    """
    usable = (
        (pc.field("language") == "elixir")
        & pc.field("role").isin(ROLES)
        & (pc.field("parse_errors") == 0)
        & (pc.field("bytes") <= LONGEST)
    )
    if isinstance(documents, pa.RecordBatch):
        documents = pa.Table.from_batches([documents])
    documents = documents.filter(usable).select([*COLUMNS, "text", "modules"])
    places = documents["archive_sha256"].to_pylist()
    start = 0
    for _, rows in groupby(places):
        count = sum(1 for _ in rows)
        yield _package(documents.slice(start, count), functions, modules)
        start += count


def _package(documents: pa.Table, functions: pa.Table, modules: pa.Table) -> Package:
    ids = documents["document_id"].combine_chunks()
    owned: defaultdict[str, list[FunctionRow]] = defaultdict(list)
    for function in functions.filter(pc.is_in(functions["document_id"], ids)).to_pylist():
        owned[function["document_id"]].append(function)
    told: defaultdict[str, dict[int, Sequence[ProtocolRow]]] = defaultdict(dict)
    for module in (
        modules.filter(pc.is_in(modules["document_id"], ids)).select(PROTOCOLS).to_pylist()
    ):
        told[module["document_id"]][module["start_line"]] = module["messages"]
    return Package(
        [
            Material(
                row["document_id"],
                row["archive_sha256"],
                row["package"],
                row["purl"],
                row["path"],
                row["role"],
                row["license_expression"],
                row["split"],
                row["text"].encode(),
                row["modules"],
                owned[row["document_id"]],
                told[row["document_id"]],
            )
            for row in documents.to_pylist()
        ]
    )


def whole_functions(
    functions: Sequence[FunctionRow],
) -> Iterator[tuple[FunctionRow, str | None]]:
    """Yield the functions that are complete in one row, each with its condition.

    Of alternatives, the first one with documentation is used, with its condition. A function is
    left out if it is defined partly under a condition and partly without it or under another one,
    or if it is overridden later, because no row has all of it.
    """
    rows: dict[tuple[str, str, int], list[FunctionRow]] = {}
    for function in functions:
        if function["clauses"]:
            key = (function["module"], function["name"], function["arity"])
            rows.setdefault(key, []).append(function)
    for alternatives in rows.values():
        branches = [each["branch"] for each in alternatives]
        if len(alternatives) == 1:
            yield alternatives[0], None
        elif len(branches) <= MOST_ALTERNATIVES and all(
            starmap(exclude_each_other, combinations(branches, 2))
        ):
            documented = [each for each in alternatives if documentation_of(each)]
            if documented:
                yield documented[0], documented[0]["branch"]


def exclude_each_other(one: str | None, other: str | None) -> bool:
    """Return whether two branches are alternatives in one construct, such as `if a: do` and `if a:
    else`.

    Sections of `try` are not alternatives, because several of them may run.
    """
    if one is None or other is None:
        return False
    pairs = zip(one.split(" / "), other.split(" / "), strict=False)
    parting = next((pair for pair in pairs if pair[0] != pair[1]), ("", ""))
    same = takewhile(lambda letters: letters[0] == letters[1], zip(*parting, strict=False))
    told = "".join(letter for letter, _ in same).rpartition(": ")[0]
    labels = (each[len(told) + 2 :] for each in parting)
    return bool(told) and not told.startswith("try") and all(map(LABEL.fullmatch, labels))


def spans_of(functions: Sequence[FunctionRow]) -> tuple[tuple[int, int], ...]:
    """Return the byte ranges of all clauses of some functions, sorted."""
    return tuple(
        sorted(
            (clause["start_byte"], clause["end_byte"])
            for function in functions
            for clause in function["clauses"]
        )
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
