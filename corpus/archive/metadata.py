"""Reads metadata.config, in the shapes that a decade of packers have given it."""

from collections.abc import Iterator
from dataclasses import dataclass

from corpus.archive.limits import ArchiveError
from corpus.erlang_terms import Atom, MalformedTerms, Map, Term, consult
from corpus.packages import Link, Requirement
from corpus.reasons import Reason

NOTHING = frozenset(("nil", "undefined", "null"))
"""Atoms that packers wrote where there was no value."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HexMetadata:
    """What a package says of itself; what it leaves out is empty or None."""

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


def read_metadata(data: bytes) -> HexMetadata:
    """Read metadata.config. Raises ArchiveError(MALFORMED_METADATA).

    The last of several equal keys wins, as in the reference implementation.
    """
    try:
        fields = dict(pairs(consult(data), "metadata.config"))
        return metadata(fields)
    except MalformedTerms as error:
        raise malformed(str(error)) from error


def metadata(fields: dict[str, Term]) -> HexMetadata:
    """Build the metadata from the top-level pairs."""
    return HexMetadata(
        name=required(fields, "name"),
        version=required(fields, "version"),
        app=text(fields.get("app")),
        licenses=texts(fields, "licenses"),
        requirements=requirements(fields.get("requirements")),
        links=tuple(
            Link(name, address)
            for name, value in pairs(fields.get("links"), "links")
            if (address := text(value)) is not None
        ),
        build_tools=texts(fields, "build_tools"),
        files=texts(fields, "files"),
        description=text(fields.get("description")),
        elixir=text(fields.get("elixir")),
        extra={name: plain(value) for name, value in pairs(fields.get("extra"), "extra")},
    )


def required(fields: dict[str, Term], key: str) -> str:
    """Return a text that must be there and not empty."""
    value = text(fields.get(key))
    if not value:
        raise malformed(f"{key} is missing")
    return value


def text(term: Term | None) -> str | None:
    """Return a term as text; None if it is not text or stands for nothing."""
    if isinstance(term, bytes):
        try:
            return term.decode()
        except UnicodeDecodeError:
            return term.decode("latin-1")
    if isinstance(term, str) and not (isinstance(term, Atom) and term in NOTHING):
        return str(term)
    return None


def texts(fields: dict[str, Term], key: str) -> tuple[str, ...]:
    """Return a list of texts, or a single one; what is not text is left out."""
    value = fields.get(key, [])
    found = map(text, value if isinstance(value, list) else [value])
    return tuple(item for item in found if item is not None)


def pairs(term: Term | None, where: str) -> Iterator[tuple[str, Term]]:
    """Yield the pairs of a map or of a list of two-tuples, keys as text. Raises ArchiveError."""
    if isinstance(term, Map):
        term = list(term.pairs)
    if term is None or (isinstance(term, Atom) and term in NOTHING):
        return
    if not isinstance(term, list):
        raise malformed(f"{where} is not a list")
    for item in term:
        if not isinstance(item, tuple) or len(item) != 2 or (key := text(item[0])) is None:
            raise malformed(f"{where} holds something else than pairs")
        yield key, item[1]


def requirements(term: Term | None) -> tuple[Requirement, ...]:
    """Read `[{Name, Fields}]`, or `[Fields]` with the name among them, as old packers wrote."""
    if isinstance(term, list) and term and all(isinstance(item, list) for item in term):
        fields = [dict(pairs(item, "requirements")) for item in term]
        named = [(required(field, "name"), field) for field in fields]
    else:
        named = [(name, requirement_fields(value)) for name, value in pairs(term, "requirements")]
    return tuple(
        Requirement(name, text(field.get("requirement")) or "", field.get("optional") == "true")
        for name, field in dict(named).items()
    )


def requirement_fields(value: Term) -> dict[str, Term]:
    """Return the fields of a requirement, which may be no more than its version constraint."""
    if text(value) is not None:
        return {"requirement": value}
    return dict(pairs(value, "requirements"))


def plain(term: Term) -> object:
    """Return a term in the types of JSON, as far as packers use them for `extra`."""
    if isinstance(term, (bytes, str)):
        return text(term)
    if isinstance(term, (list, tuple)):
        return [plain(item) for item in term]
    if isinstance(term, Map):
        return {str(plain(key)): plain(value) for key, value in term.pairs}
    return term


def malformed(what: str) -> ArchiveError:
    """Build the error for metadata that cannot be used."""
    return ArchiveError(Reason.MALFORMED_METADATA, f"metadata.config: {what}")
