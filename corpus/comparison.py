"""What changed between two releases, and why: packages, rows, splits, licences, tokens, rejects.

`compare` walks through each table of both releases side by side (`corpus/alignment.py`), by column
and without texts, so its memory grows only with the documents that came and went: some 40 bytes
each. Why something came or went is answered from what the other release holds of it: its reject,
its other content, its archive.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.alignment import Window, aligned, columns_of, differing
from corpus.identifiers import DIGITS, numbers
from corpus.release import Release, UnreadableRelease
from corpus.release.reading import open_shard
from corpus.split import SplitConfig
from corpus.split.ranges import position, ranges_of, split_at
from corpus.tables import ATTRIBUTION_TABLE, SHARDED

KEYS: dict[str, tuple[str, ...]] = {
    "documents": ("content_id",),
    **{
        name: table.row_key
        for name, table in SHARDED.items()
        if name not in ("documents", "origin")
    },
}
"""What names a row in both releases. No two documents have the same bytes, so a document is its
content: a file that moved, or that a new version of its package has unchanged, is the same one.
The keys of origins follow from the documents, so they are left out."""
TEXTS = frozenset({"text"})
"""Columns that are not read: a document's bytes are its key, and what was cut out of them is in
`redactions`."""
LISTED = 20
"""Examples that are named for a cause."""
BATCH_ROWS = 8192

Keys = npt.NDArray[np.uint64]
Package = tuple[str, str]
"""Source and name."""


class Why(StrEnum):
    """Why a release lacks a document that another release has; the smaller, the more exact."""

    LEFT_OUT = "left_out"
    """It read the same file and left it out, for a reason."""
    CONTENT_CHANGED = "content_changed"
    """It has other content at the same path of the package."""
    CHANGED_AND_LEFT_OUT = "changed_and_left_out"
    """It read other content at the same path and left that out."""
    PACKAGE_LEFT_OUT = "package_left_out"
    """It left out the package as a whole."""
    NOT_IN_VERSION = "not_in_version"
    """It read the package, in a version without the file."""
    NOT_READ = "not_read"
    """The package was not among its archives."""


class Moved(StrEnum):
    """Why a document is in another split."""

    OTHER_PACKAGE = "other_package"
    """It is taken from another package, as equal files are from the one published first."""
    OTHER_FAMILY = "other_family"
    """Its package is in another family of packages, which is assigned as one."""
    OTHER_SETTINGS = "other_settings"
    """The settings of the split are others."""
    EMPTY_SPLIT = "empty_split"
    """A split would have been empty, in one of the releases, and this family was moved there."""
    UNKNOWN = "unknown"
    """Nothing in the releases tells."""


CAUSES = {
    Why.LEFT_OUT: "{version} leaves out the same file ({reason})",
    Why.CONTENT_CHANGED: "{version} has other content at the same path",
    Why.CHANGED_AND_LEFT_OUT: "{version} has other content at the same path, left out ({reason})",
    Why.PACKAGE_LEFT_OUT: "{version} leaves out the whole package ({reason})",
    Why.NOT_IN_VERSION: "{version} reads the package in a version without the file",
    Why.NOT_READ: "the package is not among the archives of {version}",
}
"""What each `Why` means, for people; `{version}` is the release without the document."""
MOVES = {
    Moved.OTHER_PACKAGE: "taken from another package",
    Moved.OTHER_FAMILY: "its package is in another family",
    Moved.OTHER_SETTINGS: "other settings of the split",
    Moved.EMPTY_SPLIT: "moved so that no split is empty",
    Moved.UNKNOWN: "nothing in the releases says why",
}
"""What each `Moved` means, for people."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the releases."""

    version: str
    path: str
    identity: str
    code_version: str
    code_commit: str | None


@dataclass(frozen=True, slots=True)
class Figure:
    """A number in both releases."""

    name: str
    before: int
    now: int


@dataclass(frozen=True, slots=True)
class TableChanges:
    """The rows of one table. before = kept + carried_before + removed, and so for now."""

    table: str
    before: int
    now: int
    kept: int = 0
    """Rows that both have, by their key."""
    changed: int = 0
    """Kept rows in which a column differs."""
    carried_before: int = 0
    """Rows of documents that both have, but from another archive: they are not compared one by
    one, since the same file gives the same rows."""
    carried_now: int = 0
    added: int = 0
    removed: int = 0
    columns: Mapping[str, int] = field(default_factory=dict)
    """Kept rows that differ, by column."""
    not_compared: tuple[str, ...] = ()
    """Columns that only one release has, or has as another type."""
    problem: str | None = None
    """Why the table is not comparable; then only the numbers of rows are known."""


@dataclass(frozen=True, slots=True)
class PackageChange:
    """A package that came, went or changed its versions, by what contributed documents."""

    source: str
    package: str
    before: tuple[str, ...]
    """Versions that contributed to the earlier release; none if it came."""
    now: tuple[str, ...]
    documents_before: int
    documents_now: int
    why: str | None = None
    """For one that came or went: what the other release says of it, a value of `Why`."""
    reason: str | None = None
    """The reason for which the other release left it out, for most of its files."""


@dataclass(frozen=True, slots=True)
class Example:
    """A document that came, went or moved."""

    package: str
    version: str
    path: str
    detail: str = ""
    """What the other release says of it: the detail of its reject, and what is kept instead."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Documents that came or went for the same reason."""

    why: Why
    reason: str | None
    documents: int
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Move:
    """Documents that moved from one split to another, for the same reason."""

    before: str
    now: str
    why: Moved
    documents: int
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Relicensed:
    """Kept documents whose licence or its evidence differs."""

    before: str
    now: str
    documents: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Everything that differs between two releases. Lists are sorted, so equal releases give equal
    comparisons.
    """

    old: Side
    new: Side
    relation: str
    """same, parent (the first is the parent of the second) or other."""
    notes: tuple[str, ...]
    """What a reader has to know before the figures, such as what could not be compared."""
    tables: tuple[TableChanges, ...]
    packages_before: int
    packages_now: int
    packages_added: tuple[PackageChange, ...]
    packages_removed: tuple[PackageChange, ...]
    packages_changed: tuple[PackageChange, ...]
    documents_added: tuple[Cause, ...]
    documents_removed: tuple[Cause, ...]
    documents_moved: tuple[Move, ...]
    licenses: tuple[Figure, ...]
    """Documents by SPDX expression."""
    evidence: tuple[Figure, ...]
    relicensed: tuple[Relicensed, ...]
    bytes: Figure
    """Bytes of the texts of documents."""
    tokens: tuple[Figure, ...]
    """Lexical tokens, altogether, by split and by language."""
    rejects: tuple[Figure, ...]
    """Left-out files by stage and reason, and archives by reason."""


def compare(old: Release, new: Release) -> Comparison:
    """Compare two releases or candidates.

    Raises UnreadableRelease for a file that is missing or no Parquet file, and OutOfOrder for rows
    that no build wrote. Digests are not checked; `corpus.release.verify` does that.
    """
    sides = _contents(old), _contents(new)
    documents = _Documents(*sides)
    tables = []
    for config in KEYS:
        if not (old.shards(config) or new.shards(config)):
            continue  # Both were made before there was such a table.
        told, windows = _prepared(old, new, config)
        if told.problem is None:
            told = _counted(told, windows, documents)
        tables.append(told)
    removed, gone = _explained(documents.removed, sides[0], sides[1])
    added, fresh = _explained(documents.added, sides[1], sides[0])
    before, after = sides[0].packages, sides[1].packages
    return Comparison(
        old=_side(old),
        new=_side(new),
        relation=_relation(old, new),
        notes=tuple(_notes(*sides, tables)),
        tables=tuple(tables),
        packages_before=len(before),
        packages_now=len(after),
        packages_added=_packages(before, after, after.keys() - before.keys(), fresh),
        packages_removed=_packages(before, after, before.keys() - after.keys(), gone),
        packages_changed=_packages(
            before,
            after,
            {name for name in before.keys() & after.keys() if _versions(before, after, name)},
            {},
        ),
        documents_added=added,
        documents_removed=removed,
        documents_moved=documents.moves(),
        licenses=_figures(documents.sums["license_expression"]),
        evidence=_figures(documents.sums["license_evidence"]),
        relicensed=documents.relicensed(),
        bytes=Figure("all", *(each["all"] for each in documents.sums["bytes"])),
        tokens=_figures(documents.sums["tokens"]),
        rejects=_figures((_rejects(old), _rejects(new))),
    )


def _side(release: Release) -> Side:
    told = release.manifest
    return Side(
        told.version, str(release.path), release.identity, told.code_version, told.code_commit
    )


def _relation(old: Release, new: Release) -> str:
    if old.identity == new.identity:
        return "same"
    parent = new.manifest.parent
    return "parent" if parent is not None and parent.identity == old.identity else "other"


def _notes(old: "_Contents", new: "_Contents", tables: Sequence[TableChanges]) -> Iterator[str]:
    one, other = old.release, new.release
    if one.identity == other.identity:
        yield "Both are the same release."
    elif old.packages and new.packages and not old.packages.keys() & new.packages.keys():
        yield "The releases have no package in common."
    if one.manifest.code_digest != other.manifest.code_digest:
        yield "Different code wrote the releases, so the same file may have given other rows."
    if one.manifest.config_digest != other.manifest.config_digest:
        yield "The releases were built with different settings."
    for table in tables:
        if table.problem:
            yield f"{table.table} is not comparable: {table.problem}."
        elif table.not_compared:
            named = ", ".join(table.not_compared)
            yield f"{table.table}: not compared, as only one release has it so: {named}."


def _versions(before: "_Packages", after: "_Packages", name: Package) -> bool:
    return before[name].versions != after[name].versions


def _packages(
    before: "_Packages",
    after: "_Packages",
    names: Iterable[Package],
    why: "Mapping[Package, tuple[Why, str | None]]",
) -> tuple[PackageChange, ...]:
    nothing = _Contribution(())
    return tuple(
        PackageChange(
            *name,
            before=before.get(name, nothing).versions,
            now=after.get(name, nothing).versions,
            documents_before=before.get(name, nothing).documents,
            documents_now=after.get(name, nothing).documents,
            why=why[name][0] if name in why else None,
            reason=why[name][1] if name in why else None,
        )
        for name in sorted(names)
    )


def _figures(counts: "tuple[Counter[str], Counter[str]]") -> tuple[Figure, ...]:
    before, now = counts
    return tuple(
        Figure(name, before[name], now[name]) for name in sorted(before.keys() | now.keys())
    )


def _rejects(release: Release) -> Counter[str]:
    told = release.manifest
    found = {f"archive: {reason}": count for reason, count in told.archives_rejected.items()}
    for stage in told.stages:
        found |= {f"{stage.stage}: {reason}": count for reason, count in stage.reasons.items()}
    return Counter(found)


# What a release holds of its packages


@dataclass(frozen=True, slots=True)
class _Contribution:
    """What a package contributed, and its family if that is known."""

    versions: tuple[str, ...]
    documents: int = 0
    family: str | None = None


_Packages = Mapping[Package, _Contribution]


@dataclass(frozen=True, slots=True)
class _Contents:
    """A release, and what its attribution and manifest say of packages."""

    release: Release
    packages: _Packages
    read: frozenset[Package]
    """Packages with an archive that was opened and may be kept."""

    @property
    def settings(self) -> SplitConfig | None:
        """The settings of the split, None if this code cannot read them."""
        try:
            return SplitConfig(**self.release.manifest.config["split"])
        except (KeyError, TypeError, ValueError):
            return None

    def expected(self, family: str) -> str | None:
        """Return the split that the name of a family alone gives it."""
        settings = self.settings
        if settings is None:
            return None
        return split_at(position(family, settings.salt), ranges_of(settings))


def _contents(release: Release) -> _Contents:
    wanted = ["source", "package", "version", "documents", "family"]
    try:
        with open_shard(release.path / ATTRIBUTION_TABLE.files) as file:
            columns = [name for name in wanted if name in file.schema_arrow.names]
        rows = chain.from_iterable(
            batch.to_pylist() for batch in release.batches(ATTRIBUTION_TABLE.name, columns)
        )
        found: dict[Package, _Contribution] = {}
        for row in rows:
            name = row["source"], row["package"]
            known = found.get(name, _Contribution(()))
            found[name] = _Contribution(
                tuple(sorted({*known.versions, row["version"]})),
                known.documents + row["documents"],
                row.get("family"),
            )
    except (OSError, pa.ArrowException, KeyError) as error:
        raise UnreadableRelease(release, error) from error
    inputs = release.manifest.inputs
    kept = frozenset((each.source, each.package) for each in inputs if each.kept)
    return _Contents(release, found, kept)


# The rows of a table, side by side


def _prepared(old: Release, new: Release, config: str) -> tuple[TableChanges, Iterator[Window]]:
    """Return what is known before a table is read, and its windows."""
    before, now = (sum(shard.rows for shard in side.shards(config)) for side in (old, new))
    mine, theirs = (columns_of(side, config) for side in (old, new))
    if mine is None or theirs is None:
        problem = f"only the {'later' if mine is None else 'earlier'} release has it"
        return TableChanges(config, before, now, problem=problem), iter(())
    shared = [name for name in mine.names if name in theirs.names and name not in TEXTS]
    shared = [name for name in shared if mine.field(name).type == theirs.field(name).type]
    every = {*mine.names, *theirs.names} - TEXTS
    missing = [name for name in KEYS[config] if name not in shared]
    if missing:
        problem = f"only one release has {', '.join(missing)} in a form that can be compared"
        return TableChanges(config, before, now, problem=problem), iter(())
    columns = pa.schema([mine.field(name).remove_metadata() for name in shared])
    told = TableChanges(config, before, now, not_compared=tuple(sorted(every - set(shared))))
    return told, aligned(old, new, config, KEYS[config], columns)


def _counted(
    told: TableChanges, windows: Iterator[Window], documents: "_Documents"
) -> TableChanges:
    """Count the rows of a table; of documents, also what became of them."""
    kept = changed = added = removed = 0
    carried = [0, 0]
    columns: Counter[str] = Counter()
    for window in windows:
        before, after = window.pairs()
        kept += len(before)
        differs = np.zeros(len(before), dtype=bool)
        for name in before.column_names:
            found = differing(before, after, name)
            columns[name] += int(found.sum())
            differs |= found
        changed += int(differs.sum())
        gone, fresh = window.only_old(), window.only_new()
        removed, added = removed + len(gone), added + len(fresh)
        if told.table == "documents":
            documents.add(window, before, after, gone, fresh)
        else:
            carried[0] += documents.count_carried(gone, 0)
            carried[1] += documents.count_carried(fresh, 1)
    return TableChanges(
        told.table,
        told.before,
        told.now,
        kept=kept,
        changed=changed,
        carried_before=carried[0],
        carried_now=carried[1],
        added=added - carried[1],
        removed=removed - carried[0],
        columns={name: count for name, count in sorted(columns.items()) if count},
        not_compared=told.not_compared,
    )


class _Documents:
    """What became of documents, added up window by window."""

    def __init__(self, old: _Contents, new: _Contents) -> None:
        self._sides = old, new
        self.removed, self.added = _Group(), _Group()
        self.sums: dict[str, tuple[Counter[str], Counter[str]]] = {
            name: (Counter(), Counter())
            for name in ("license_expression", "license_evidence", "bytes", "tokens")
        }
        self._carried: tuple[list[Keys], list[Keys]] = [], []
        self._sorted: list[Keys | None] = [None, None]
        self._relicensed: Counter[tuple[str, str]] = Counter()
        self._moves: Counter[tuple[str, str, Moved]] = Counter()
        self._examples: dict[tuple[str, str, Moved], list[Example]] = {}

    def add(
        self, window: Window, before: pa.Table, after: pa.Table, gone: pa.Table, fresh: pa.Table
    ) -> None:
        """Add a window of documents."""
        for side, rows in enumerate((window.old, window.new)):
            self._sum(side, rows)
        self.removed.add(gone)
        self.added.add(fresh)
        if "document_id" in before.column_names:
            others = pa.array(differing(before, after, "document_id"))
            for side, rows in enumerate((before, after)):
                self._carried[side].append(numbers(rows["document_id"].filter(others)))
        for name in ("license_expression", "license_evidence"):
            if name in before.column_names:
                others = pa.array(differing(before, after, name))
                pairs = (rows[name].filter(others).to_pylist() for rows in (before, after))
                self._relicensed.update(zip(*(map(str, each) for each in pairs), strict=True))
        if "split" in before.column_names:
            moved = pa.array(differing(before, after, "split"))
            self._add_moves(before.filter(moved), after.filter(moved))

    def _sum(self, side: int, rows: pa.Table) -> None:
        for name in ("license_expression", "license_evidence"):
            if name in rows.column_names:
                for each in rows[name].value_counts().to_pylist():
                    self.sums[name][side][str(each["values"])] += each["counts"]
        for name in {"bytes", "tokens"} & set(rows.column_names):
            self.sums[name][side]["all"] += int(pc.sum(rows[name]).as_py() or 0)
        if "tokens" not in rows.column_names:
            return
        tokens = self.sums["tokens"][side]
        for name in {"split", "language"} & set(rows.column_names):
            grouped = rows.group_by(name, use_threads=False).aggregate([("tokens", "sum")])
            for each in grouped.to_pylist():
                tokens[f"{name} {each[name]}"] += each["tokens_sum"] or 0

    def _add_moves(self, before: pa.Table, after: pa.Table) -> None:
        columns = [
            n for n in ("source", "package", "version", "path", "split") if n in before.column_names
        ]
        pairs = (rows.select(columns).to_pylist() for rows in (before, after))
        for was, now in zip(*pairs, strict=True):
            why, detail = self._why_moved(was, now)
            key = str(was["split"]), str(now["split"]), why
            self._moves[key] += 1
            named = self._examples.setdefault(key, [])
            if len(named) < LISTED:
                package, version, path = (now.get(n, "") for n in ("package", "version", "path"))
                named.append(Example(package, version, path, detail))

    def _why_moved(self, was: Mapping[str, str], now: Mapping[str, str]) -> tuple[Moved, str]:
        names = [(row.get("source", ""), row.get("package", "")) for row in (was, now)]
        if names[0] != names[1]:
            return Moved.OTHER_PACKAGE, f"taken from {names[0][1]} before"
        families = [
            side.packages.get(name, _Contribution(())).family
            for side, name in zip(self._sides, names, strict=True)
        ]
        if None in families:
            return Moved.UNKNOWN, "its family is not known"
        if families[0] != families[1]:
            return Moved.OTHER_FAMILY, f"family {families[0]} before, now {families[1]}"
        if self._sides[0].settings != self._sides[1].settings:
            return Moved.OTHER_SETTINGS, ""
        for side, row in zip(self._sides, (was, now), strict=True):
            if side.expected(str(families[0])) not in (None, row["split"]):
                version = side.release.manifest.version
                return Moved.EMPTY_SPLIT, f"without it {row['split']} was empty in {version}"
        return Moved.UNKNOWN, ""

    def count_carried(self, rows: pa.Table, side: int) -> int:
        """Count the rows of documents that both releases have, but from another archive."""
        if not len(rows) or "stage" in rows.column_names:  # a reject is of no document
            return 0
        if "document_ids" in rows.column_names:
            lists = rows["document_ids"]
            filled = lists.filter(pc.greater(pc.list_value_length(lists), 0))
            ids = pc.list_element(filled, 0)
        elif "document_id" in rows.column_names:
            ids = rows["document_id"]
        else:  # a verdict on a licence is of an archive
            return 0
        known = self._sorted[side]
        if known is None:
            known = np.sort(np.concatenate([np.empty(0, np.uint64), *self._carried[side]]))
            self._sorted[side] = known
        return int(np.isin(numbers(ids), known).sum())

    def relicensed(self) -> tuple[Relicensed, ...]:
        """Return the changes of licences and evidence of kept documents."""
        return tuple(
            Relicensed(*pair, documents=count) for pair, count in sorted(self._relicensed.items())
        )

    def moves(self) -> tuple[Move, ...]:
        """Return the moves between splits."""
        return tuple(
            Move(*key, documents=count, examples=_sorted(self._examples[key]))
            for key, count in sorted(self._moves.items())
        )


# Why documents came or went


@dataclass(frozen=True, slots=True)
class _Known:
    """Documents that one release has and the other lacks, as numbers; some 28 bytes each."""

    contents: Keys
    """The first digits of their content_id, ascending."""
    places: Keys
    """A digest of source, package and path."""
    packages: npt.NDArray[np.int32]
    """Index in `names`."""
    names: tuple[Package, ...]


class _Group:
    """Collects such documents window by window."""

    def __init__(self) -> None:
        self._contents: list[Keys] = [np.empty(0, np.uint64)]
        self._places: list[Keys] = [np.empty(0, np.uint64)]
        self._packages: list[npt.NDArray[np.int32]] = [np.empty(0, np.int32)]
        self._names: dict[Package, int] = {}

    def add(self, rows: pa.Table) -> None:
        """Add rows of documents, in the order of their content."""
        if not len(rows) or not {"source", "package", "path"} <= set(rows.column_names):
            return
        places, names = _places(rows)
        self._contents.append(numbers(rows["content_id"]))
        self._places.append(places)
        codes = [self._names.setdefault(name, len(self._names)) for name in names]
        self._packages.append(np.array(codes, dtype=np.int32))

    def known(self) -> _Known:
        """Return all that were added."""
        return _Known(
            np.concatenate(self._contents),
            np.concatenate(self._places),
            np.concatenate(self._packages),
            tuple(self._names),
        )


def _places(rows: pa.Table | pa.RecordBatch) -> tuple[Keys, list[Package]]:
    """Return a digest of the place of each row, and the package of each."""
    columns = [rows[name].to_pylist() for name in ("source", "package", "path")]
    digests = b"".join(
        hashlib.blake2b(f"{source}\0{package}\0{path}".encode(), digest_size=8).digest()
        for source, package, path in zip(*columns, strict=True)
    )
    names = list(zip(columns[0], columns[1], strict=True))
    return np.frombuffer(digests, dtype=np.uint64), names


@dataclass(frozen=True, slots=True)
class _Found:
    """What a release says of a document that it lacks."""

    detail: str
    representative: str | None


_Told = Mapping[Package, tuple[Why, str | None]]


def _explained(group: _Group, mine: _Contents, other: _Contents) -> tuple[tuple[Cause, ...], _Told]:
    """Return why `other` lacks documents of `mine`, and why it lacks packages."""
    search = _Search(group.known(), other, mine.packages.keys() - other.packages.keys())
    try:
        search.read()
        names = _names(mine.release, "content_id", search.wanted())
        instead = _names(other.release, "document_id", search.representatives())
    except (OSError, pa.ArrowException) as error:
        raise UnreadableRelease(other.release, error) from error
    return search.causes(names, instead), search.packages()


RANKS = {why: rank for rank, why in enumerate(Why)}


class _Search:
    """Looks documents up in the release that lacks them, by content and by place."""

    def __init__(self, lost: _Known, other: _Contents, missing: Iterable[Package]) -> None:
        self._lost, self._other = lost, other
        self._missing = frozenset(missing)
        self._order = np.argsort(lost.places, kind="stable")
        self._ordered = lost.places[self._order]
        self._whys = np.full(len(lost.contents), RANKS[Why.NOT_READ], dtype=np.int8)
        self._reasons = np.full(len(lost.contents), -1, dtype=np.int16)
        self._named: dict[str, int] = {}
        self._found: dict[int, _Found] = {}
        self._told: Counter[tuple[Why, str | None]] = Counter()
        self._inputs = {(each.source, each.package) for each in other.release.manifest.inputs}
        self._of_archives: dict[Package, str] = {}
        self._of_files: dict[Package, Counter[str]] = {}

    def read(self) -> None:
        """Read the rejects and the places of the documents of the other release."""
        release = self._other.release
        names = {*self._lost.names, *self._missing}
        if not names:
            return
        packages = pa.array(sorted({package for _, package in names}), pa.string())
        of_rejects = ["content_id", "source", "package", "path", "reason", "detail"]
        for batch in release.batches(
            "rejects", [*of_rejects, "representative_id"], None, BATCH_ROWS
        ):
            self._add_rejects(batch.filter(pc.is_in(batch["package"], value_set=packages)))
        columns = ["source", "package", "path"]
        for batch in release.batches("documents", columns, None, BATCH_ROWS):
            self._add_documents(batch.filter(pc.is_in(batch["package"], value_set=packages)))
        self._add_packages()

    def _add_rejects(self, rows: pa.RecordBatch) -> None:
        if not len(rows):
            return
        places, names = _places(rows)
        reasons, paths = rows["reason"].to_pylist(), rows["path"].to_pylist()
        for name, path, reason in zip(names, paths, reasons, strict=True):
            if not path:
                self._of_archives.setdefault(name, reason)
            elif name in self._missing:
                self._of_files.setdefault(name, Counter())[reason] += 1
        contents = numbers(pc.fill_null(rows["content_id"], "0" * DIGITS))
        for row, documents in self._at(places):
            detail, kept = (rows[name][row].as_py() for name in ("detail", "representative_id"))
            for document in documents:
                is_same = contents[row] == self._lost.contents[document]
                why = Why.LEFT_OUT if is_same else Why.CHANGED_AND_LEFT_OUT
                self._tell(document, why, reasons[row], detail or "", kept)

    def _add_documents(self, rows: pa.RecordBatch) -> None:
        if len(rows):
            for _, documents in self._at(_places(rows)[0]):
                for document in documents:
                    self._tell(document, Why.CONTENT_CHANGED, None, "", None)

    def _at(self, places: Keys) -> Iterator[tuple[int, list[int]]]:
        """Yield the rows that are at the place of a lost document, with these documents."""
        first = np.searchsorted(self._ordered, places)
        last = np.searchsorted(self._ordered, places, side="right")
        for row in np.flatnonzero(last > first).tolist():
            yield row, self._order[first[row] : last[row]].tolist()

    def _tell(
        self, document: int, why: Why, reason: str | None, detail: str, kept: str | None
    ) -> None:
        rank = RANKS[why]
        if rank >= self._whys[document]:
            return
        self._whys[document] = rank
        self._reasons[document] = self._code(reason)
        self._found.pop(document, None)
        if (detail or kept) and self._told[why, reason] < LISTED:
            self._told[why, reason] += 1
            self._found[document] = _Found(detail, kept)

    def _code(self, reason: str | None) -> int:
        return -1 if reason is None else self._named.setdefault(reason, len(self._named))

    def _add_packages(self) -> None:
        """Say of what was found nowhere what became of its package."""
        told = [self._of_package(name) for name in self._lost.names]
        whys = np.array([RANKS[why] for why, _ in told], dtype=np.int8)
        reasons = np.array([self._code(reason) for _, reason in told], dtype=np.int16)
        unknown = self._whys == RANKS[Why.NOT_READ]
        self._whys[unknown] = whys[self._lost.packages[unknown]]
        self._reasons[unknown] = reasons[self._lost.packages[unknown]]

    def _of_package(self, name: Package) -> tuple[Why, str | None]:
        if name in self._other.read:
            return Why.NOT_IN_VERSION, None
        if name in self._of_archives:
            return Why.PACKAGE_LEFT_OUT, self._of_archives[name]
        return (Why.PACKAGE_LEFT_OUT if name in self._inputs else Why.NOT_READ), None

    def packages(self) -> _Told:
        """Return why the other release has no document of packages."""
        found: dict[Package, tuple[Why, str | None]] = {}
        for name in self._missing:
            if name in self._of_archives:
                found[name] = Why.PACKAGE_LEFT_OUT, self._of_archives[name]
            elif name in self._of_files:
                counts = self._of_files[name]
                found[name] = Why.LEFT_OUT, min(counts, key=lambda each: (-counts[each], each))
            else:
                found[name] = self._of_package(name)
        return found

    def _groups(self) -> dict[tuple[Why, str | None], list[int]]:
        """Return the documents that are named for each cause: first those with details."""
        reasons = [*self._named, None]
        groups: dict[tuple[Why, str | None], list[int]] = {}
        for why, rank in RANKS.items():
            of_why = self._whys == rank
            for code in np.unique(self._reasons[of_why]).tolist():
                here = np.flatnonzero(of_why & (self._reasons == code))
                detailed = [each for each in sorted(self._found) if self._is_of(each, rank, code)]
                first = [each for each in here[: 2 * LISTED].tolist() if each not in self._found]
                groups[why, reasons[code]] = [*detailed, *first][:LISTED]
        return groups

    def _is_of(self, document: int, rank: int, code: int) -> bool:
        return bool(self._whys[document] == rank and self._reasons[document] == code)

    def wanted(self) -> Keys:
        """Return the contents of the documents that are named."""
        named = list(chain.from_iterable(self._groups().values()))
        return self._lost.contents[np.array(named, dtype=np.int64)]

    def representatives(self) -> Keys:
        """Return the documents that are kept instead of named ones."""
        found = [each.representative for each in self._found.values() if each.representative]
        return numbers(pa.array(found, pa.string()))

    def causes(
        self, names: Mapping[int, Example], instead: Mapping[int, Example]
    ) -> tuple[Cause, ...]:
        """Return the causes, those of most documents first."""
        reasons = {reason: code for code, reason in enumerate(self._named)}
        causes = []
        for (why, reason), documents in self._groups().items():
            code = -1 if reason is None else reasons[reason]
            count = int(((self._whys == RANKS[why]) & (self._reasons == code)).sum())
            named = (self._named_example(each, names, instead) for each in documents)
            causes.append(Cause(why, reason, count, _sorted(named)))
        return tuple(
            sorted(causes, key=lambda each: (-each.documents, each.why, each.reason or ""))
        )

    def _named_example(
        self, document: int, names: Mapping[int, Example], instead: Mapping[int, Example]
    ) -> Example:
        name = names[int(self._lost.contents[document])]
        told = self._found.get(document)
        if told is None:
            return name
        detail = told.detail
        if told.representative:
            (number,) = numbers(pa.array([told.representative])).tolist()
            if (kept := instead.get(number)) is not None:
                detail += f"; kept instead: {kept.package}/{kept.path} {kept.version}"
        return Example(name.package, name.version, name.path, detail)


def _names(release: Release, column: str, wanted: Keys) -> dict[int, Example]:
    """Return package, version and path of documents by the first digits of an id of theirs."""
    found: dict[int, Example] = {}
    columns = [column, "package", "version", "path"]
    ordered = np.unique(wanted)
    for batch in release.batches("documents", columns, None, BATCH_ROWS) if len(ordered) else ():
        ids = numbers(batch[column])
        here = np.isin(ids, ordered)
        rows = batch.filter(pa.array(here)).select(columns[1:]).to_pylist()
        found |= {
            number: Example(**row) for number, row in zip(ids[here].tolist(), rows, strict=True)
        }
    return found


def _sorted(examples: Iterable[Example]) -> tuple[Example, ...]:
    return tuple(sorted(examples, key=lambda each: (each.package, each.path, each.version)))
