"""The removals of a ledger, applied to a build.

An archive that an owner, a repository or a package names is left out as a whole: it is opened for
fingerprints only, and no text of it is written anywhere. A file that a path, a content or a
SWHID names is left out wherever it is. Either way its copies and near-duplicates are left out too
if the named file is the preferred one, so that it does not come back from a package that copied it.
If the named file is itself the copy, the original is kept, because its author did not ask for it.
(docs/duplicates.md has the order of preference.)
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import translate
from functools import cached_property
from pathlib import Path
from re import Pattern
from re import compile as compiled
from typing import TypedDict, cast

import pyarrow as pa
import pyarrow.compute as pc

from corpus.optout.ledger import Entry, Kind, Ledger
from corpus.packages import Link
from corpus.parts import read_part
from corpus.reasons import Reason, Reject, Stage
from corpus.rows import IdentityRow, RejectRow, reject_row
from corpus.split.repository import repository_at, repository_of
from corpus.store.rows import Archive
from corpus.tables import REJECTS

HOST = "github.com/"
HEX, GITHUB = "hex", "github"
"""Sources whose archives belong to accounts, by their names in `corpus.sources`."""
Entries = tuple[Entry, ...]


class NamedRow(TypedDict):
    """The columns of a file that an entry can match, and others."""

    document_id: str
    package: str
    path: str
    content_id: str | None
    swhid: str | None
    archive_sha256: str | None


NAMED = list(NamedRow.__annotations__)


@dataclass(frozen=True, slots=True)
class Origin:
    """The facts about an archive before it is fetched or opened; None is unknown."""

    source: str
    package: str
    owners: tuple[str, ...] | None = None
    repositories: frozenset[str] = frozenset()
    """Its repositories as HOST/OWNER/NAME in lower case."""


class ArchiveRow(TypedDict):
    """The columns of an archive for its reject."""

    source: str
    package: str
    version: str
    purl: str
    sha256: str
    failure: str | None


def origin_of(archive: Archive) -> Origin:
    """Return the origin of an archive of the store."""
    return origin(archive.source, archive.name, archive.owners, archive.links, archive.url)


def origin(
    source: str,
    package: str,
    owners: tuple[str, ...] | None = None,
    links: Sequence[Link] = (),
    url: str = "",
) -> Origin:
    """Return an origin by the name of a package, its links and the address of its archive."""
    named = f"github.com/{package.lower()}" if source == GITHUB else None
    found = (repository_of(links, package), repository_at(url), named)
    return Origin(source, package, owners, frozenset(filter(None, found)))


@dataclass(frozen=True)
class Removals:
    """The entries of a ledger, indexed by kind and value.

    `names` are those of renamed repositories, as in `corpus.inputs.Inputs`.
    """

    entries: Entries = ()
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    by_value: Mapping[tuple[Kind, str], Entry] = field(init=False, repr=False)
    paths: Mapping[str, Sequence[tuple[Entry, str, Pattern[str]]]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Index the entries."""
        by_value = {(each.removal.kind, each.removal.value): each for each in self.entries}
        paths: dict[str, list[tuple[Entry, str, Pattern[str]]]] = {}
        for entry in self.entries:
            if entry.removal.kind is Kind.PATH:
                package, _, path = entry.removal.value.partition(":")
                # These expressions do not backtrack over a star, so they are linear in the path.
                found = entry, path, compiled(translate(path))
                for name in dict.fromkeys((package, *self.names.get(package.lower(), ()))):
                    paths.setdefault(name, []).append(found)
        object.__setattr__(self, "by_value", by_value)
        object.__setattr__(self, "paths", paths)

    @cached_property
    def asks_for_origins(self) -> bool:
        """Whether an entry needs the owner or repository of a package, not only its name."""
        kinds = (Kind.OWNER, Kind.REPOSITORY)
        return any(each.removal.kind in kinds for each in self.entries)

    def of_archive(self, origin: Origin) -> Entries:
        """Return the entries that remove a whole archive, or a package before it is fetched."""
        asked = [(Kind.PACKAGE, origin.package)]
        if origin.source == GITHUB:
            others = self.names.get(origin.package.lower(), ())
            asked += [(Kind.PACKAGE, name) for name in others]
        repositories = set(origin.repositories)
        for each in origin.repositories:
            if each.startswith(HOST):
                others = self.names.get(each.removeprefix(HOST), ())
                repositories.update(f"{HOST}{name.lower()}" for name in others)
        asked += [(Kind.REPOSITORY, each) for each in repositories]
        if origin.source == HEX:
            asked += [(Kind.OWNER, f"hex:{name}") for name in origin.owners or ()]
        for repository in repositories:
            host, account = repository.split("/")[:2]
            asked.append((Kind.OWNER, f"{host}:{account}"))
        return _ordered(self.by_value[key] for key in asked if key in self.by_value)

    def of_file(self, package: str, path: str, *contents: str | None) -> Entries:
        """Return the entries that name a file; `contents` are its SHA-256 and its SWHID."""
        found = [
            entry
            for entry, exact, pattern in self.paths.get(package, ())
            if path == exact or pattern.match(path)
        ]
        for kind, value in zip((Kind.CONTENT, Kind.SWHID), contents, strict=False):
            if value is not None and (kind, value) in self.by_value:
                found.append(self.by_value[kind, value])
        return _ordered(found)

    @cached_property
    def contents(self) -> pa.Array:
        """The SHA-256 of all contents that are left out, sorted."""
        return self._values(Kind.CONTENT)

    @cached_property
    def identifiers(self) -> pa.Array:
        """The SWHIDs that are left out, sorted."""
        return self._values(Kind.SWHID)

    def _values(self, kind: Kind) -> pa.Array:
        values = sorted(value for known, value in self.by_value if known is kind)
        return pa.array(values, pa.string())


def _ordered(entries: Iterable[Entry]) -> Entries:
    return tuple(sorted(set(entries), key=lambda entry: entry.sequence))


@dataclass(frozen=True)
class OptedOut:
    """The removals of one build, and the archives that they remove as a whole."""

    ledger: Ledger
    archives: Mapping[str, Entries] = field(default_factory=dict)
    """By the digest of the archive."""
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Those of renamed repositories, as in `corpus.inputs.Inputs`."""

    @cached_property
    def removals(self) -> Removals:
        """The indexed entries."""
        return Removals(self.ledger.entries, self.names)


def opted_out(
    ledger: Ledger, archives: Iterable[Archive], names: Mapping[str, tuple[str, ...]] | None = None
) -> OptedOut:
    """Return the removals of a ledger for a build from these archives.

    A repository is removed by any of its `names` (`corpus.inputs.Inputs`), and so are packages that
    link to one of them. The commit of a tag may be in several repositories; one that opted out is
    enough.
    """
    out = OptedOut(ledger, names=names or {})
    found = ((each.sha256, out.removals.of_archive(origin_of(each))) for each in archives)
    return replace(out, archives={digest: entries for digest, entries in found if entries})


def reject_by(entries: Entries) -> Reject:
    """Return the reject for code that some entries remove."""
    first, *more = entries
    others = f" (also entry {', '.join(str(each.sequence) for each in more[:9])})" if more else ""
    detail = f"{first.name}: {first.removal.reason}{others}"
    return Reject(Stage.OPT_OUT, Reason.OPTED_OUT, detail)


def named_rows(out: OptedOut, rows: pa.Table) -> Iterator[tuple[int, NamedRow, Entries]]:
    """Yield the rows of files (at least `NAMED`) that entries name: place, row, entries.

    The time is linear in the rows, not in rows times entries.
    """
    removals = out.removals
    chosen = pc.is_in(rows["package"], value_set=pa.array(sorted(removals.paths), pa.string()))
    chosen = pc.or_(chosen, pc.is_in(rows["content_id"], value_set=removals.contents))
    whole = pa.array(sorted(out.archives), pa.string())
    chosen = pc.or_(chosen, pc.is_in(rows["archive_sha256"], value_set=whole))
    chosen = pc.or_(chosen, pc.is_in(rows["swhid"], value_set=removals.identifiers))
    places = pc.indices_nonzero(chosen)
    for place, row in zip(
        places.to_pylist(), rows.select(NAMED).take(places).to_pylist(), strict=True
    ):
        if not row["path"]:
            continue
        of_archive = out.archives.get(row["archive_sha256"], ())
        contents = (row["content_id"], row["swhid"])
        of_file = removals.of_file(row["package"], row["path"], *contents)
        if entries := _ordered((*of_archive, *of_file)):
            yield place, row, entries


def left_out(
    out: OptedOut, fingerprints: Sequence[Path], clusters: pa.Table
) -> dict[str, tuple[Reject, Entries]]:
    """Return rejects by document_id: of documents that entries name, and of their copies.

    `clusters` has the columns of `tables.CLUSTERS`.
    """
    if not out.ledger.entries:
        return {}
    why: dict[str, tuple[Reject, Entries]] = {}
    places: dict[str, str] = {}
    for part in fingerprints:
        for _, row, entries in named_rows(out, read_part(part, columns=NAMED)):
            why[row["document_id"]] = reject_by(entries), entries
            places[row["document_id"]] = f"{row['package']}/{row['path']}"
    named = pa.array(sorted(why), pa.string())
    follows = clusters.filter(pc.is_in(clusters["representative_id"], value_set=named))
    for pair in follows.select(["document_id", "representative_id"]).to_pylist():
        if pair["document_id"] not in why:
            reject, entries = why[pair["representative_id"]]
            first = places[pair["representative_id"]]
            copied = f"a copy of {first}, which is left out by {reject.detail}"
            why[pair["document_id"]] = Reject(reject.stage, reject.reason, copied), entries
    return why


def archive_rejects(out: OptedOut, archives: Sequence[Path]) -> pa.Table:
    """Return a reject, with an empty path, for every archive that is removed as a whole.

    `archives` are parts of `tables.READ_ARCHIVES`. One that could not be opened has its own reject.
    """
    columns = list(ArchiveRow.__annotations__)
    rows: list[RejectRow] = []
    for part in archives if out.archives else ():
        for row in read_part(part, columns=columns).to_pylist():
            if row["failure"] is None and (entries := out.archives.get(row["sha256"])):
                rows.append(
                    reject_row(_identity(row), reject_by(entries), removed_by=numbers(entries))
                )
    return pa.Table.from_pylist(rows, schema=REJECTS)


def _identity(row: ArchiveRow) -> IdentityRow:
    return {
        "document_id": hashlib.sha256(f"{row['sha256']}\0".encode()).hexdigest(),
        "content_id": None,
        "swhid": None,
        "source": row["source"],
        "package": row["package"],
        "version": row["version"],
        "purl": row["purl"],
        "archive_sha256": row["sha256"],
        "path": "",
    }


def rewritten(out: OptedOut, rejects: pa.Table) -> pa.Table:
    """Return rejects (`tables.REJECTS`) in which files that entries name are `opted_out`.

    The row has no digest of such a file and no detail of its former reason, which may quote it.
    """
    named = {place: entries for place, _, entries in named_rows(out, rejects)}
    if not named:
        return rejects
    rows: list[RejectRow] = rejects.to_pylist()
    told = [
        opted_out_row(row, reject_by(named[place]), named[place], row["bytes"])
        if place in named
        else row
        for place, row in enumerate(rows)
    ]
    return pa.Table.from_pylist(told, schema=REJECTS)


def opted_out_row(
    row: IdentityRow, reject: Reject, entries: Entries, size: int | None
) -> RejectRow:
    """Return the reject of a removed file, without the digests of its bytes."""
    told = reject_row(row, reject, size, removed_by=numbers(entries))
    hidden = dict.fromkeys({"content_id", "swhid"} & told.keys())
    return cast(RejectRow, {**told, **hidden})


def numbers(entries: Entries) -> list[int]:
    """Return the sequence numbers of entries."""
    return [entry.sequence for entry in entries]
