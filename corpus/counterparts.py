"""Packages on Hex and the repositories that they are published from, aligned by content.

A version of a package is aligned with a commit if the commit has its files: the same bytes at the
same paths, below one folder (`apps/cart/` in the repository of several packages). The repository
that a tarball links to is what its author says, so it only chooses between commits that have as
much of the version; it is no evidence. Configuration, and files that many packages have, tell
nothing.

A repository that drifted has few files unchanged. It is still aligned if most paths of the version
are there and some of its files are the same. A repository that merely says that it is the package
has none of these; a fork has them, and is no harm: nothing but the best commit is told.

What follows from it: the package's own copy represents every cluster of duplicates, so of the
repository those documents stay that the tarball lacks (`preference`); both are in one family
(`pairs`); and documents of the package carry the repository, and the commit if it has them
(`told_of`).
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, cast

import pyarrow as pa
import pyarrow.compute as pc

from corpus.atomic import replacing
from corpus.parts import read_part, write_part
from corpus.reasons import Reason
from corpus.rows import HostRow
from corpus.split.repository import host_row, repository_of
from corpus.store.rows import Archive
from corpus.tables import ALIGNMENTS, HOST, VERSIONS

HEX: Final = "hex"
GITHUB: Final = "github"
"""Sources, as `corpus.sources` names them."""
MOST: Final = 0.5
"""Share of a version's files from which a commit that has them is aligned with it; and share of its
paths, if the repository drifted."""
SOME: Final = 0.1
"""Share of a version's files that are unchanged in a repository that drifted."""
LEAST_TOKENS: Final = 50
"""Lexical tokens of the files in common; fewer may be the same by chance."""
BOILERPLATE: Final = 20
"""A file in more packages than this tells nothing."""
NEVER: Final = 1 << 63
"""Later than every time, for packages of unknown time."""
FILES: Final = ["source", "package", "archive_sha256", "path", "content_id", "role", "tokens"]

Package = tuple[str, str]
"""Source and name."""
Place = tuple[str, str]
"""Content and path of a file."""


@dataclass(frozen=True, slots=True)
class Match:
    """What a commit has of a version of a package."""

    version: Archive
    commit: Archive
    folder: str
    """The folder of the commit that has it, with a slash at its end; empty for the root."""
    files: int
    """Files of the version that tell something."""
    placed: int
    """Those of them whose path the commit has."""
    shared: int
    """Those of them that the commit has unchanged there."""
    tokens: int
    """Lexical tokens of these."""
    contents: tuple[str, ...]
    """Their digests."""

    @property
    def share(self) -> float:
        """The share of the version's files that the commit has unchanged."""
        return self.shared / self.files

    @property
    def is_aligned(self) -> bool:
        """Whether the commit is of the package's own repository, or of a copy of it."""
        if self.tokens < LEAST_TOKENS or (self.shared < 2 and self.placed < self.files):
            return False
        return self.share >= MOST or (self.share >= SOME and self.placed >= MOST * self.files)

    @property
    def standing(self) -> tuple[float, bool, bool, str, str]:
        """The sort key of the commits that a version is aligned with, the best one first."""
        linked = repository_of(self.version.links, self.version.name)
        is_linked = linked == f"github.com/{self.commit.name.lower()}"
        host = self.commit.repository
        is_fork, since = (host.is_fork, host.created_at) if host else (False, "")
        return -self.share, not is_linked, is_fork, since, self.commit.name


def align(
    archives: Sequence[Archive],
    fingerprints: Sequence[Path],
    rejects: Sequence[Path],
    destination: Path,
) -> Path:
    """Write `tables.ALIGNMENTS`, sorted; an existing file stays.

    `fingerprints` and `rejects` are parts in the same order; a file of a repository counts even if
    it is no document. Memory is the paths and digests of the files of all packages, and of the
    repositories of one part.
    """
    if destination.exists():
        return destination
    by_digest = {each.sha256: each for each in archives}
    has_both = {HEX, GITHUB} <= {each.source for each in archives}
    rows = _rows(by_digest, fingerprints, rejects) if has_both else []
    table = pa.Table.from_pylist(rows, schema=ALIGNMENTS)
    order = ("package", "version", "archive_sha256", "host", "host_sha256")
    with replacing(destination) as temporary:
        write_part(table.sort_by([(name, "ascending") for name in order]), temporary)
    return destination


def _rows(
    archives: Mapping[str, Archive], fingerprints: Sequence[Path], rejects: Sequence[Path]
) -> list[dict[str, object]]:
    """Return a row for the best commit of each version, and one for each other repository that a
    package is aligned with.
    """
    shelf = shelved(fingerprints)
    best: dict[str, Match] = {}
    closest: dict[tuple[str, str], Match] = {}
    for commit, files in _repositories(fingerprints, rejects):
        for match in matches(archives[commit], files, shelf, archives):
            if not match.is_aligned:
                continue
            before = best.get(match.version.sha256, match)
            best[match.version.sha256] = min(before, match, key=lambda each: each.standing)
            pair = match.version.name, commit
            # Nobody asks for the contents, and there may be a thousand forks.
            bare = replace(match, contents=())
            closest[pair] = min(closest.get(pair, bare), bare, key=_closeness)
    told = {(match.version.name, match.commit.sha256) for match in best.values()}
    others = [match for pair, match in closest.items() if pair not in told]
    return [
        *(_row(match, is_best=True) for match in best.values()),
        *(_row(match, is_best=False) for match in others),
    ]


def _closeness(match: Match) -> tuple[float, str]:
    return -match.share, match.version.sha256


def _row(match: Match, *, is_best: bool) -> dict[str, object]:
    commit = match.commit
    return {
        "package": match.version.name,
        "version": match.version.version,
        "archive_sha256": match.version.sha256,
        "host": commit.name,
        "host_sha256": commit.sha256,
        "folder": match.folder,
        "files": match.files,
        "shared": match.shared,
        "share": match.share,
        "is_best": is_best,
        "contents": list(match.contents),
        **host_row(commit.links, commit.name, commit.version, commit.repository),
    }


# The files of packages, and what a repository has of them


@dataclass(slots=True)
class Shelf:
    """The files of packages that tell something."""

    packages: dict[Place, list[str]] = field(default_factory=dict)
    """The packages that have, or had, a file, by content and path."""
    paths: dict[str, set[str]] = field(default_factory=dict)
    """The paths of files by content."""
    tokens: dict[str, int] = field(default_factory=dict)
    """The tokens of files by content."""
    versions: dict[str, dict[str, set[Place]]] = field(default_factory=dict)
    """The files of each archive of each package, by the digest of the archive."""


def shelved(fingerprints: Sequence[Path]) -> Shelf:
    """Read the files of packages."""
    shelf = Shelf()
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for part in fingerprints:
        table = read_part(part, FILES)
        rows = table.filter(pc.equal(table["source"], HEX))
        for _, package, archive, path, content, role, tokens in _tuples(rows):
            if role != "config":
                owners[content].add(package)
                shelf.tokens[content] = tokens
                files = shelf.versions.setdefault(package, {}).setdefault(archive, set())
                files.add((content, path))
    common = {content for content, packages in owners.items() if len(packages) > BOILERPLATE}
    for package, versions in shelf.versions.items():
        for files in versions.values():
            files -= {place for place in files if place[0] in common}
        for content, path in set().union(*versions.values()):
            shelf.paths.setdefault(content, set()).add(path)
            shelf.packages.setdefault((content, path), []).append(package)
    return shelf


def _repositories(
    fingerprints: Sequence[Path], rejects: Sequence[Path]
) -> Iterator[tuple[str, list[Place]]]:
    """Yield the files of every repository, by the digest of its archive.

    A copy in a folder of dependencies (`deps/cart/`) is none of the repository's own.
    """
    columns = ["source", "archive_sha256", "path", "content_id"]
    for documents, refused in zip(fingerprints, rejects, strict=True):
        others = read_part(refused, [*columns, "reason"])
        own = others.filter(pc.not_equal(others["reason"], Reason.VENDORED.value))
        table = pa.concat_tables([read_part(documents, columns), own.select(columns)])
        is_file = pc.and_(pc.equal(table["source"], GITHUB), pc.is_valid(table["content_id"]))
        found: defaultdict[str, list[Place]] = defaultdict(list)
        for _, archive, path, content in _tuples(table.filter(is_file)):
            found[archive].append((content, path))
        yield from found.items()


def _tuples(rows: pa.Table) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.to_pylist() for column in rows.columns), strict=True)


def matches(
    commit: Archive, files: Collection[Place], shelf: Shelf, archives: Mapping[str, Archive]
) -> Iterator[Match]:
    """Yield what a commit has of each version of each package, in the folder that has most."""
    unchanged: defaultdict[str, defaultdict[str, set[Place]]] = defaultdict(
        lambda: defaultdict(set)
    )
    for content, path in files:
        for own in shelf.paths.get(content, ()):
            if path == own or path.endswith(f"/{own}"):
                for package in shelf.packages[content, own]:
                    unchanged[package][path.removesuffix(own)].add((content, own))
    paths = {path for _, path in files}
    for package, folders in unchanged.items():
        for digest, wanted in shelf.versions[package].items():
            shared = {folder: wanted & found for folder, found in folders.items()}
            folder = min(shared, key=lambda name: (-len(shared[name]), len(name), name))
            contents = sorted(content for content, _ in shared[folder])
            if contents:
                yield Match(
                    version=archives[digest],
                    commit=commit,
                    folder=folder,
                    files=len(wanted),
                    placed=sum(f"{folder}{path}" in paths for _, path in wanted),
                    shared=len(contents),
                    tokens=sum(shelf.tokens[content] for content in contents),
                    contents=tuple(contents),
                )


# What follows from it


def pairs(alignments: Path) -> list[tuple[str, str]]:
    """Return the packages and repositories that are aligned, by their names, sorted."""
    rows = read_part(alignments, ["package", "host"])
    return sorted(set(zip(*(column.to_pylist() for column in rows.columns), strict=True)))


def _contents(alignments: Path) -> dict[tuple[str, str], list[str]]:
    """Return what packages and repositories have in common, empty where another has more of it."""
    names = ["package", "host", "contents"]
    found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    columns = (column.to_pylist() for column in read_part(alignments, names).columns)
    for package, host, contents in zip(*columns, strict=True):
        found[package, host].update(contents or ())
    return {pair: sorted(contents) for pair, contents in found.items()}


def preference(
    archives: Sequence[Archive], published: Mapping[Package, int], alignments: Path
) -> Mapping[Package, int]:
    """Return the places of packages in the order of preference: the smaller the earlier.

    It is the order of first publication, but a repository comes after the packages that are
    published from it, whatever it claims; these gain nothing by it. Repositories that lose their
    place keep the order among each other. A package that has nothing of a repository that an
    earlier package does not have is a copy, and may come after it.
    """
    latest: dict[str, int] = {}
    had: defaultdict[str, set[str]] = defaultdict(set)
    for time, _, host, contents in sorted(
        (published.get((HEX, package), NEVER), package, host, contents)
        for (package, host), contents in _contents(alignments).items()
    ):
        if not contents or not had[host].issuperset(contents):
            latest[host] = time
        had[host].update(contents)
    if not latest:
        return published
    times: dict[Package, tuple[int, bool, int]] = {}
    for each in archives:
        own = published.get((each.source, each.name), NEVER)
        is_late = each.source == GITHUB and each.name in latest
        time = max(own, latest[each.name]) if is_late else own
        times[each.source, each.name] = (time, is_late, own if is_late else 0)
    places = {time: place for place, time in enumerate(sorted(set(times.values())))}
    return {package: places[time] for package, time in times.items()}


@dataclass(frozen=True, slots=True)
class Told:
    """What documents of aligned versions carry, by the digest of their archive."""

    hosts: Mapping[str, HostRow] = field(default_factory=dict)
    contents: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The files that the commit has unchanged."""
    published: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """The version that has a file of a repository, by the digests of the repository's archive and
    of the file."""
    versions: pa.Table = field(default_factory=VERSIONS.empty_table)
    """The commits of versions, as `tables.VERSIONS`."""

    def columns(self, archives: pa.ChunkedArray, contents: pa.ChunkedArray) -> pa.Table:
        """Return the columns of `tables.HOST` for some documents, null where nothing is known.

        The commit is told, and when it was made, for files that it has unchanged.
        """
        schema = pa.schema(HOST)
        if not self.hosts:
            return pa.table([pa.nulls(len(archives), each.type) for each in schema], schema=schema)
        rows: list[HostRow | dict[str, None]] = []
        for archive, content in zip(archives.to_pylist(), contents.to_pylist(), strict=True):
            host = self.hosts.get(archive)
            if host is not None and content not in self.contents[archive]:
                host = {**host, "commit": None, "committed_at": None}
            rows.append(host or dict.fromkeys(HostRow.__annotations__))
        return pa.Table.from_pylist(rows, schema=schema)


def told_of(alignments: Path, hidden: Collection[str] = ()) -> Told:
    """Read what documents carry; `hidden` are digests of archives that are not told of."""
    table = read_part(alignments)
    rows = [
        row
        for row in table.filter(table["is_best"]).to_pylist()
        if row["host_sha256"] not in hidden and row["archive_sha256"] not in hidden
    ]
    versions = [
        {
            **{name: row[name] for name in ("archive_sha256", "repository", "commit")},
            "repository_folder": row["folder"],
            "aligned_files": row["files"],
            "aligned_share": row["share"],
        }
        for row in rows
    ]
    names = HostRow.__annotations__
    return Told(
        hosts={
            row["archive_sha256"]: cast(HostRow, {name: row[name] for name in names})
            for row in rows
        },
        contents={row["archive_sha256"]: frozenset(row["contents"]) for row in rows},
        published={
            (row["host_sha256"], content): f"{row['package']} {row['version']}"
            for row in rows
            for content in row["contents"]
        },
        versions=pa.Table.from_pylist(versions, schema=VERSIONS),
    )
