"""Contexts: the files of one package in order, cut where a budget of tokens is used up.

Each file follows those that it needs, and begins with a comment that names it. Files that do not
fit as a whole are continued in the next context, from the beginning of a line. Before the files
stand the interfaces of the modules of required packages that they name, of the most often named
ones first, as far as their share of the budget allows. So that no test text is trained on, these
are of packages of the same split or of the training split.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypedDict

import pyarrow as pa
import pyarrow.compute as pc

from corpus.atomic import replacing
from corpus.bounds import check_fractions, check_least
from corpus.context.interfaces import InterfaceRow, interfaces_of
from corpus.context.references import References, defined, references
from corpus.licenses.declarations import joined
from corpus.lines import short_pieces
from corpus.parts import read_part, write_part
from corpus.precedence import in_order
from corpus.selection import of_kept
from corpus.source import ROLES
from corpus.tables import CONTEXT

TRAIN: Final = "train"
SHIPPED: Final = frozenset({"library", "template"})
"""Roles of the files that an application is made of."""
COLUMNS: Final = [
    *("document_id", "archive_sha256", "source", "package", "version", "purl", "path"),
    *("language", "role", "text", "modules", "license_expression"),
]
COMMENTS: Final = {
    "erlang": "%% {}\n",
    "heex": "<%!-- {} --%>\n",
    "eex": "<%# {} %>\n",
    "markdown": "<!-- {} -->\n",
    "livemd": "<!-- {} -->\n",
    "gleam": "// {}\n",
}
ELIXIR: Final = "# {}\n"
UNPRINTABLE: Final = re.compile(r"[^\w./@+~ -]")
SLACK: Final = 4
"""Tokens that a file may take beyond its own and its comment's, where texts meet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ContextConfig:
    """Contexts for pretraining on whole packages. Raises ValueError for impossible numbers."""

    tokens: int = 0
    """Tokens of a context at most (Tekken); 0 makes no contexts."""
    interfaces: float = 0.25
    """Share of them for interfaces of required packages."""

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_least(0, self, "tokens")
        check_fractions(self, "interfaces")
        if 0 < self.tokens < LEAST_TOKENS:
            raise ValueError(f"tokens is {self.tokens}; it must be 0 or at least {LEAST_TOKENS}")


LEAST_TOKENS: Final = 512


class FileRow(TypedDict):
    """A file, or a piece of one, in a context."""

    document_id: str
    path: str
    start_byte: int
    end_byte: int
    at_byte: int


class NamedInterfaceRow(TypedDict):
    """An interface in a context."""

    purl: str
    module: str
    document_id: str


class ContextRow(TypedDict):
    """A row of `tables.CONTEXT`."""

    id: str
    source: str
    package: str
    version: str
    purl: str
    archive_sha256: str
    place: int
    window: int
    text: str
    bytes: int
    tokens: int
    files: Sequence[FileRow]
    interfaces: Sequence[NamedInterfaceRow]
    document_ids: Sequence[str]
    purls: Sequence[str]
    license_expression: str
    split: str


@dataclass(frozen=True, slots=True)
class ContextTask:
    """The documents of one bundle, all interfaces and places, and the file for the contexts."""

    documents: Path
    kept: Path
    reach: Path
    places: Path
    interfaces: Sequence[Path]
    destination: Path
    config: ContextConfig


@dataclass(frozen=True, slots=True)
class File:
    """One document of a package."""

    document_id: str
    path: str
    language: str
    role: str
    text: str
    names: tuple[str, ...]
    license_expression: str
    references: References


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a file: its text, where that begins in bytes, and the tokens of text and comment."""

    file: File
    text: str
    start_byte: int
    tokens: int

    @property
    def comment(self) -> str:
        """The line that names the file."""
        path = UNPRINTABLE.sub("?", self.file.path)
        told = f"{path} (continued)" if self.start_byte else path
        return COMMENTS.get(self.file.language, ELIXIR).format(told)


@dataclass(frozen=True, slots=True)
class Package:
    """An archive, and its place behind the archives that it requires."""

    source: str
    name: str
    version: str
    purl: str
    archive_sha256: str
    split: str
    place: int


def write_contexts(task: ContextTask) -> None:
    """Write the contexts of the archives of one bundle; an existing file is not changed."""
    if task.destination.exists():
        return
    rows: list[ContextRow] = []
    if task.config.tokens:
        documents = of_kept(read_part(task.documents, COLUMNS), task.kept)
        places = _places(task.places)
        required = _required(task.reach, set(documents["archive_sha256"].to_pylist()))
        wanted = {name: places[name][1] for names in required.values() for name in names}
        offered = interfaces_of(wanted, task.interfaces)
        for archive in sorted(documents["archive_sha256"].unique().to_pylist()):
            own = documents.filter(pc.equal(documents["archive_sha256"], archive))
            first = own.slice(0, 1).drop_columns(["text", "modules"]).to_pylist()[0]
            package = Package(
                first["source"],
                first["package"],
                first["version"],
                first["purl"],
                archive,
                first["split"],
                places[archive][0],
            )
            near = sorted(required.get(archive, ()), key=lambda name: places[name][0])
            usable = [
                each
                for name in near
                for each in offered.get(name, ())
                if each["split"] in (package.split, TRAIN)
            ]
            rows += contexts(package, _files(own), usable, task.config)
    with replacing(task.destination) as temporary:
        write_part(pa.Table.from_pylist(rows, schema=CONTEXT), temporary)


def _places(path: Path) -> dict[str, tuple[int, int | None]]:
    columns = read_part(path).to_pydict()
    pairs = zip(columns["place"], columns["part"], strict=True)
    return dict(zip(columns["archive_sha256"], pairs, strict=True))


def _required(reach: Path, archives: set[str]) -> dict[str, list[str]]:
    """Return the archives that some archives require themselves."""
    found = defaultdict[str, list[str]](list)
    edges = read_part(reach, ["archive_sha256", "required"]).to_pydict()
    for archive, required in zip(edges["archive_sha256"], edges["required"], strict=True):
        if archive in archives and archive != required:
            found[archive].append(required)
    return found


def _files(documents: pa.Table) -> list[File]:
    found = []
    for row in documents.to_pylist():
        modules = [each["name"] for each in row["modules"]]
        found.append(
            File(
                row["document_id"],
                row["path"],
                row["language"],
                row["role"],
                row["text"],
                defined(row["path"], modules),
                row["license_expression"],
                references(row["text"].encode(), row["language"], modules),
            )
        )
    return found


def ordered(files: Sequence[File]) -> list[File]:
    """Return the files of a package, each after those that it needs to be compiled.

    Libraries and templates come before tests and other files. Of files whose needs are met, the
    one comes first that names the fewest modules of the package that are still to come, then by
    role and path.
    """
    defining = defaultdict[str, list[str]](list)
    for file in files:
        for name in file.names:
            defining[name].append(file.document_id)

    def owners(names: frozenset[str]) -> set[str]:
        return {owner for name in names & defining.keys() for owner in defining[name]}

    preferred = sorted(files, key=lambda file: (ROLES.index(file.role), file.path))
    needs = {file.document_id: owners(file.references.needed) for file in files}
    mentions = {file.document_id: owners(file.references.mentioned) for file in files}
    by_id = {file.document_id: file for file in files}
    found = list[str]()
    for is_shipped in (True, False):
        some = [file.document_id for file in preferred if (file.role in SHIPPED) is is_shipped]
        found += in_order(some, needs, mentions)
    return [by_id[each] for each in found]


def contexts(
    package: Package, files: Sequence[File], offered: Sequence[InterfaceRow], config: ContextConfig
) -> Iterator[ContextRow]:
    """Yield the contexts of a package; `offered` are interfaces in the order of their packages."""
    modules = {each["module"] for each in offered}
    named = any(_named(file) & modules for file in files)
    room = round(config.tokens * (1 - config.interfaces)) if named else config.tokens
    pending = list(_pieces(ordered(files), room))[::-1]
    window = 0
    while pending:
        taken, used = list[Piece](), 0
        while pending and (not taken or used + pending[-1].tokens <= room):
            taken.append(pending.pop())
            used += taken[-1].tokens
        chosen = _chosen(taken, offered, config.tokens - room)
        used += sum(each["tokens"] + SLACK for each in chosen)
        while pending and used + pending[-1].tokens <= config.tokens:
            taken.append(pending.pop())
            used += taken[-1].tokens
        row = _row(package, window, taken, chosen)
        while row["tokens"] > config.tokens and len(taken) > 1:
            pending.append(taken.pop())
            row = _row(package, window, taken, chosen)
        yield row
        window += 1


def _named(file: File) -> frozenset[str]:
    return file.references.needed | file.references.mentioned


def _pieces(files: Sequence[File], room: int) -> Iterator[Piece]:
    """Yield every file, in as many pieces as it takes that each has room."""
    from corpus.tokens import count

    sizes = count(file.text for file in files)
    for file, size in zip(files, sizes, strict=True):
        comment = max(count(Piece(file, "", at, 0).comment for at in (0, 1))) + SLACK
        if size + comment <= room:
            yield Piece(file, file.text, 0, size + comment)
            continue
        longest = room - comment
        lines, used, at = list[str](), 0, 0
        # No text has more tokens than bytes, and no character more than four bytes.
        for line in short_pieces(file.text, max(1, longest // 4)):
            tokens = count([line])[0]
            if lines and used + tokens > longest:
                text = "".join(lines)
                yield Piece(file, text, at, used + comment)
                lines, used, at = [], 0, at + len(text.encode())
            lines.append(line)
            used += tokens
        yield Piece(file, "".join(lines), at, used + comment)


def _chosen(
    pieces: Sequence[Piece], offered: Sequence[InterfaceRow], room: int
) -> list[InterfaceRow]:
    """Return the interfaces that files name, the most often named first while there is room."""
    files = {piece.file.document_id: piece.file for piece in pieces}
    naming = Counter(name for file in files.values() for name in _named(file))
    wanted = [(-naming[each["module"]], at) for at, each in enumerate(offered)]
    chosen, seen = list[int](), set[str]()
    for count, at in sorted(wanted):
        each = offered[at]
        if count and each["module"] not in seen and each["tokens"] + SLACK <= room:
            seen.add(each["module"])
            chosen.append(at)
            room -= each["tokens"] + SLACK
    return [offered[at] for at in sorted(chosen)]


def _row(
    package: Package, window: int, pieces: Sequence[Piece], chosen: Sequence[InterfaceRow]
) -> ContextRow:
    from corpus.tokens import count

    parts = [f"{each['text']}\n" for each in chosen]
    size = sum(len(part.encode()) for part in parts)
    files = list[FileRow]()
    for piece in pieces:
        length = len(piece.text.encode())
        size += len(piece.comment.encode())
        files.append(
            {
                "document_id": piece.file.document_id,
                "path": piece.file.path,
                "start_byte": piece.start_byte,
                "end_byte": piece.start_byte + length,
                "at_byte": size,
            }
        )
        end = "\n" if piece.text.endswith("\n") else "\n\n"
        parts += [piece.comment, piece.text, end]
        size += length + len(end)
    whole = "".join(parts)[:-1]
    ids = list(dict.fromkeys(piece.file.document_id for piece in pieces))
    licenses = {piece.file.license_expression for piece in pieces}
    licenses |= {each["license_expression"] for each in chosen}
    return {
        "id": hashlib.sha256(f"{package.archive_sha256}\0{window}".encode()).hexdigest(),
        "source": package.source,
        "package": package.name,
        "version": package.version,
        "purl": package.purl,
        "archive_sha256": package.archive_sha256,
        "place": package.place,
        "window": window,
        "text": whole,
        "bytes": len(whole.encode()),
        "tokens": count([whole])[0],
        "files": files,
        "interfaces": [
            {"purl": each["purl"], "module": each["module"], "document_id": each["document_id"]}
            for each in chosen
        ],
        "document_ids": ids,
        "purls": [package.purl] * len(ids),
        "license_expression": str(joined(sorted(licenses))),
        "split": package.split,
    }
