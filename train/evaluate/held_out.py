"""What our own problems are cut from: a release's held-out functions, and the files they need."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from corpus.release import Release
from train.evaluate.problems import Problem

SPLITS = ("validation", "test")
DOCUMENTS = ("document_id", "package", "version", "path", "language", "role", "text", "modules")
FUNCTIONS = ("document_id", "module", "name", "arity", "kind", "clauses", "doc", "impl")
MODULE_NAME = re.compile(r"\b[A-Z]\w*\b")
MOST_FILES = 60

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Document:
    """One Elixir file of a package's library."""

    package: str
    """Name and version."""
    path: str
    text: str
    modules: Sequence[Row]
    """Values of `corpus.tables.MODULE`."""
    functions: list[Row] = field(default_factory=list)
    """Rows of the release's table `functions`."""
    name: str = ""
    """Of the package, without its version."""

    def identity(self, function: Row) -> str:
        """Return what names one of its functions in a release."""
        name = f"{function['module']}.{function['name']}/{function['arity']}"
        return f"{self.package}/{self.path}:{name}"

    def names(self) -> set[str]:
        """Return the last parts of its modules' names, by which other files call them."""
        return {each["name"].rpartition(".")[2] for each in self.modules}


def packages(release: Release, split: str) -> Iterator[list[Document]]:
    """Yield the library files of each package's version in a split, with their functions."""
    by_package: dict[str, list[Document]] = defaultdict(list)
    by_id: dict[str, Document] = {}
    for row in rows(release, "documents", DOCUMENTS, split):
        if row["language"] == "elixir" and row["role"] == "library":
            package = f"{row['package']}-{row['version']}"
            document = Document(
                package, row["path"], row["text"], row["modules"], name=row["package"]
            )
            by_package[document.package].append(document)
            by_id[row["document_id"]] = document
    for row in rows(release, "functions", FUNCTIONS, split):
        if row["document_id"] in by_id:
            by_id[row["document_id"]].functions.append(row)
    for name in sorted(by_package):
        yield sorted(by_package[name], key=lambda document: document.path)


def rows(release: Release, config: str, columns: Sequence[str], split: str) -> Iterator[Row]:
    """Yield the rows of one table of a split."""
    for batch in release.batches(config, columns, split):
        yield from batch.to_pylist()


def needed(document: Document, package: Sequence[Document]) -> dict[str, str] | None:
    """Return the package's other files that a file names, and those that these name, by path.

    None where they are so many that compiling them for each completion would take too long.
    """
    owners: dict[str, list[Document]] = defaultdict(list)
    for each in package:
        for name in each.names():
            owners[name].append(each)
    found = {document.path: document}
    waiting = [document]
    while waiting:
        for name in set(MODULE_NAME.findall(waiting.pop().text)) & owners.keys():
            for owner in owners[name]:
                if owner.path not in found:
                    found[owner.path] = owner
                    waiting.append(owner)
    if len(found) > MOST_FILES:
        return None
    return {path: each.text for path, each in sorted(found.items()) if each is not document}


@dataclass(frozen=True, slots=True)
class Cut:
    """A source text with a piece taken out."""

    before: str
    reference: str
    """The piece."""
    after: str
    stop: str
    """What a completion ends before; `after` begins with it."""


def cut(text: str, clause: Row, opening: str) -> Cut | None:
    """Take a function's only clause out of its file, from the end of `opening` to its own end.

    `opening` is a regular expression that matches at the clause's beginning; what it matches stays.
    None where the clause is not laid out as `mix format` does it, so that its end is not sure.
    """
    encoded = text.encode()
    start, end = clause["start_byte"], clause["end_byte"]
    prefix, source = encoded[:start].decode(), encoded[start:end].decode()
    indent = prefix.rpartition("\n")[2]
    opened = re.match(opening, source)
    if opened is None or indent.strip():
        return None
    closing = f"\n{indent}end" if source.endswith(f"\n{indent}end") else ""
    rest = closing + encoded[end:].decode()
    reference = source[opened.end() : len(source) - len(closing)]
    stop = closing or "\n"
    if not reference.strip() or stop in reference or not rest.startswith(stop):
        return None
    return Cut(prefix + opened[0], reference, rest, stop)


def only_clause(document: Document, function: Row) -> Row | None:
    """Return the clause of a public function that has one, and whose name and arity are its own."""
    same = [
        each
        for each in document.functions
        if (each["name"], each["arity"]) == (function["name"], function["arity"])
    ]
    if function["kind"] != "def" or len(function["clauses"]) != 1 or len(same) != 1:
        return None
    clause: Row = function["clauses"][0]
    return clause


def asked(
    release: Release,
    splits: Sequence[str],
    is_wanted: Callable[[Document, Row], bool],
    problem: Callable[[Document, Row, Sequence[Document]], Problem | None],
) -> Iterator[Problem]:
    """Yield the problem of every function that is wanted and can be made one of."""
    for split in splits:
        for package in packages(release, split):
            for document in package:
                for function in filter(partial(is_wanted, document), document.functions):
                    if made := problem(document, function, package):
                        yield replace(made, package=document.name)


def drawn(problems: Iterable[Problem], most: int) -> list[Problem]:
    """Return at most so many problems, always the same ones of a release, of any package."""
    ranked = sorted(problems, key=lambda each: hashlib.sha256(each.identity.encode()).digest())
    return sorted(ranked[:most], key=lambda each: each.identity)
