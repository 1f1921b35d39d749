"""Opens Hex tarballs: an outer tar of VERSION, CHECKSUM, metadata.config and contents.tar.gz.

Format: the repository hexpm/specifications, `package_tarball.md`.
"""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field

from corpus.erlang_terms import Atom, MalformedTerms, Map, Term, Unkept, consult
from corpus.packages import Link, Requirement
from corpus.reasons import Reason, RejectedFile
from corpus.sources.members import Contents, Member, members_of, printable
from corpus.sources.tar import (
    DEFAULT_LIMITS,
    ArchiveError,
    ArchiveLimits,
    EntryKind,
    Inflater,
    TarReader,
)

HEX = "hex"
"""The `source` of archives from a Hex repository."""
VERSION = b"3"
OUTER_HEADERS = 64
"""Headers in the outer tar: four files, and room for extended headers."""
NOTHING = frozenset(("nil", "undefined", "null"))
"""Atoms that packers wrote in place of a missing value."""
NOTES = 10
"""Maximum number of notes that are kept for one archive."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HexMetadata:
    """The metadata of a package; missing fields are empty or None."""

    name: str
    version: str
    app: str | None
    licenses: tuple[str, ...]
    requirements: tuple[Requirement, ...]
    links: tuple[Link, ...]
    build_tools: tuple[str, ...]
    files: tuple[str, ...]
    description: str | None
    elixir: str | None
    extra: dict[str, object]
    notes: tuple[str, ...] = ()
    """Fields that could not be read and were left out, at most NOTES."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HexTarball:
    """An open Hex tarball. Checksums are hexadecimal SHA-256; the inner one may be absent."""

    metadata: HexMetadata
    body: bytes = field(repr=False)
    inner_checksum: str | None
    contents: bytes = field(repr=False)
    limits: ArchiveLimits

    @property
    def outer_checksum(self) -> str:
        """The digest of the tarball; the store compares it before it is opened."""
        return hashlib.sha256(self.body).hexdigest()

    def members(self) -> Iterator[Member | RejectedFile]:
        """Yield every member in the order of the archive, except folders; see `members_of`.

        Raises ArchiveError before the first member if the contents are too large, truncated or not
        a gzip-compressed tar; the whole archive has to be rejected then.
        """
        expanded = Inflater(self.contents, self.limits)
        reader = TarReader(expanded, name="contents", headers=self.limits.files)
        yield from members_of(reader, self.limits)


class Hex:
    """Tarballs of a Hex repository, as `scrapy crawl hex` stores them."""

    def open(self, body: bytes, limits: ArchiveLimits) -> Contents:
        """Return files, declared licences and notes. Raises ArchiveError."""
        tarball = open_hex_tarball(body, limits)
        metadata = tarball.metadata
        return Contents(list(tarball.members()), metadata.licenses, metadata.notes)


def open_hex_tarball(body: bytes, limits: ArchiveLimits = DEFAULT_LIMITS) -> HexTarball:
    """Open a Hex tarball as served. Raises ArchiveError.

    The contents are expanded by `HexTarball.members` only. The caller has to compare
    `outer_checksum` with that of the registry.
    """
    if not body:
        raise ArchiveError(Reason.TRUNCATED, "the file is empty")
    if len(body) > limits.compressed:
        raise ArchiveError(Reason.ARCHIVE_TOO_LARGE, f"{len(body)} bytes, over {limits.compressed}")
    files = outer_files(body, limits)
    if files["VERSION"] != VERSION:
        raise ArchiveError(
            Reason.UNSUPPORTED_VERSION, f"VERSION is {files['VERSION']!r}, only 3 is known"
        )
    inner_checksum = verified_checksum(files)
    return HexTarball(
        metadata=read_metadata(files["metadata.config"]),
        body=body,
        inner_checksum=inner_checksum,
        contents=files["contents.tar.gz"],
        limits=limits,
    )


def outer_files(body: bytes, limits: ArchiveLimits) -> dict[str, bytes]:
    """Return the files of the outer tar. Raises ArchiveError for unknown and missing files."""
    largest = {
        "VERSION": 16,
        "CHECKSUM": 256,
        "metadata.config": limits.metadata,
        "contents.tar.gz": limits.compressed,
    }
    files: dict[str, bytes] = {}
    reader = TarReader(io.BytesIO(body), name="tarball", headers=OUTER_HEADERS)
    for entry in reader:
        if entry.kind is not EntryKind.FILE or entry.path not in largest or entry.path in files:
            name = printable(entry.path, limits)
            raise ArchiveError(Reason.NOT_A_TARBALL, f"not a Hex tarball: {name} is not expected")
        if entry.size > largest[entry.path]:
            raise ArchiveError(
                Reason.ARCHIVE_TOO_LARGE,
                f"{entry.path}: {entry.size} bytes, over {largest[entry.path]}",
            )
        files[entry.path] = reader.read()
    if missing := largest.keys() - files.keys() - {"CHECKSUM"}:
        raise ArchiveError(
            Reason.NOT_A_TARBALL, f"not a Hex tarball: {', '.join(sorted(missing))} missing"
        )
    return files


def verified_checksum(files: dict[str, bytes]) -> str | None:
    """Return the inner checksum, None if there is none. Raises ArchiveError if it is wrong.

    It is deprecated and redundant with the outer checksum, but cheap to check.
    """
    if "CHECKSUM" not in files:
        return None
    digest = hashlib.sha256()
    for name in ("VERSION", "metadata.config", "contents.tar.gz"):
        digest.update(files[name])
    if files["CHECKSUM"].lower() != digest.hexdigest().encode():
        raise ArchiveError(
            Reason.CHECKSUM_MISMATCH,
            f"CHECKSUM says {files['CHECKSUM'][:64]!r}, the files have {digest.hexdigest()}",
        )
    return digest.hexdigest()


def read_metadata(data: bytes) -> HexMetadata:
    """Read metadata.config. Raises ArchiveError(MALFORMED_METADATA).

    The last of several equal keys wins, as in the reference implementation. Name and version are
    required; other fields are read if possible, and unreadable ones are noted.
    """
    try:
        return metadata(top_level(consult(data)))
    except MalformedTerms as error:
        raise malformed(str(error)) from error


def top_level(terms: list[Term]) -> dict[str, Term]:
    """Return the top-level pairs of the file. Raises ArchiveError if it has other terms."""
    fields: dict[str, Term] = {}
    for term in terms:
        if not isinstance(term, tuple) or len(term) != 2 or (key := text(term[0])) is None:
            raise malformed("metadata.config holds something else than pairs")
        fields[key] = term[1]
    return fields


def metadata(fields: dict[str, Term]) -> HexMetadata:
    """Build the metadata from the top-level pairs."""
    notes: list[str] = []
    return HexMetadata(
        name=required(fields, "name"),
        version=required(fields, "version"),
        app=optional_text(fields, "app", notes),
        licenses=texts(fields, "licenses", notes),
        requirements=requirements(fields.get("requirements"), notes),
        links=links(fields.get("links"), notes),
        build_tools=texts(fields, "build_tools", notes),
        files=texts(fields, "files", notes),
        description=optional_text(fields, "description", notes),
        elixir=optional_text(fields, "elixir", notes),
        extra={name: plain(value) for name, value in pairs(fields.get("extra"), "extra", notes)},
        notes=tuple(dict.fromkeys(notes))[:NOTES],
    )


def required(fields: dict[str, Term], key: str) -> str:
    """Return a required text. Raises ArchiveError if it is missing or empty."""
    value = text(fields.get(key))
    if not value:
        raise malformed(f"{key} is missing")
    return value


def text(term: Term | None) -> str | None:
    """Return a term as text; None if it is not text or represents a missing value."""
    if isinstance(term, bytes):
        try:
            return term.decode()
        except UnicodeDecodeError:
            return term.decode("latin-1")
    if isinstance(term, str) and not (isinstance(term, Atom) and term in NOTHING):
        return str(term)
    return None


def is_nothing(term: Term | None) -> bool:
    """Return whether a term represents a missing value."""
    return term is None or term == [] or (isinstance(term, Atom) and term in NOTHING)


def optional_text(fields: dict[str, Term], key: str, notes: list[str]) -> str | None:
    """Return a text or None; other types are noted."""
    found = text(fields.get(key))
    if found is None and not is_nothing(fields.get(key)):
        notes.append(f"{key} is no text")
    return found


def texts(fields: dict[str, Term], key: str, notes: list[str]) -> tuple[str, ...]:
    """Return a list of texts, or a single text as a list; other types are left out and noted."""
    value = fields.get(key, [])
    items = value if isinstance(value, list) else [value]
    found = tuple(told for item in items if (told := text(item)) is not None)
    if len(found) < sum(not is_nothing(item) for item in items):
        notes.append(f"{key} holds something else than texts")
    return found


def pairs(term: Term | None, where: str, notes: list[str]) -> Iterator[tuple[str, Term]]:
    """Yield the pairs of a map or of a list of two-tuples, keys as text; other terms are noted."""
    if isinstance(term, Map):
        term = list(term.pairs)
    if is_nothing(term):
        return
    if not isinstance(term, list):
        notes.append(f"{where} is not a list")
        return
    for item in term:
        if isinstance(item, tuple) and len(item) == 2 and (key := text(item[0])) is not None:
            yield key, item[1]
        else:
            notes.append(f"{where} holds something else than pairs")


def links(term: Term | None, notes: list[str]) -> tuple[Link, ...]:
    """Read links: pairs of name and address, or addresses without a name."""
    if (alone := text(term)) is not None:
        return (Link("", alone),)
    unnamed: list[Link] = []
    if isinstance(term, list):
        unnamed = [Link("", told) for item in term if (told := text(item)) is not None]
        term = [item for item in term if text(item) is None]
    found = list(unnamed)
    for name, value in pairs(term, "links", notes):
        if (address := text(value)) is not None:
            found.append(Link(name, address))
        elif not is_nothing(value):
            notes.append("links holds an address that is no text")
    return tuple(found)


def requirements(term: Term | None, notes: list[str]) -> tuple[Requirement, ...]:
    """Read `[{Name, Fields}]`, or `[Fields]` with a field `name`, as old packers wrote.

    Of longer tuples, which rebar wrote for dependencies from git, only the name is read.
    """
    if isinstance(term, Map):
        term = list(term.pairs)
    if is_nothing(term):
        return ()
    if not isinstance(term, list):
        notes.append("requirements is not a list")
        return ()
    named: dict[str, dict[str, Term]] = {}
    for item in term:
        fields = requirement_fields(item, notes)
        name = text(fields.get("name"))
        if name:
            named.pop(name, None)
            named[name] = fields
        else:
            notes.append("requirements holds something without a name")
    return tuple(
        Requirement(name, text(field.get("requirement")) or "", field.get("optional") == "true")
        for name, field in named.items()
    )


def requirement_fields(item: Term, notes: list[str]) -> dict[str, Term]:
    """Return the fields of one requirement with its name; the fields may be only a constraint."""
    if isinstance(item, list | Map):
        return dict(pairs(item, "requirements", notes))
    if text(item) is not None:
        return {"name": item}
    if not isinstance(item, tuple) or len(item) < 2:
        return {}
    name, value, *more = item
    if more:
        notes.append("requirements holds a tuple of more than two")
        return {"name": name}
    if text(value) is not None:
        return {"name": name, "requirement": value}
    return {**dict(pairs(value, "requirements", notes)), "name": name}


def plain(term: Term) -> object:
    """Return a term of `extra` in the types of JSON."""
    if isinstance(term, (bytes, str)):
        return text(term)
    if isinstance(term, (list, tuple)):
        return [plain(item) for item in term]
    if isinstance(term, Map):
        return {str(plain(key)): plain(value) for key, value in term.pairs}
    return None if isinstance(term, Unkept) else term


def malformed(what: str) -> ArchiveError:
    """Return the error for unusable metadata."""
    return ArchiveError(Reason.MALFORMED_METADATA, f"metadata.config: {what}")
