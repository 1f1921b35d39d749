"""Which repository a package on Hex is published from, decided by comparing files.

A version of a package is aligned with a commit if the commit has enough of the version's files
unchanged. Usually they are at the same paths below one folder of the repository, such as
`apps/cart/`. A file with the same content at any other path counts as well, since repositories move
files and rename folders. Line ends are not compared: a tarball that was made on Windows may have
CRLF where the repository has LF.

The repository that a package links to is only a claim of its author, so a link never makes an
alignment. It decides between commits that have equally many of the version's files. Configuration
files, and files that more than `BOILERPLATE` packages have, are not compared.

A repository that has changed since the release has few files unchanged. It is still aligned if it
has most of the version's paths and some of its files unchanged. A repository with the same name but
other code has no file unchanged, so it is not aligned. A fork may be aligned, but only the best
commit is written into documents.

A repository is known by the head of its default branch, and by the commits of the tags that a
crawl fetched for versions in the store (`tags`). Of commits that have equally much of a version,
the one of its own tag is the best.

Three things follow from an alignment:

* Of duplicates, the package's document is kept and the repository's document is dropped. The
  repository adds the files that the tarball lacks (`preference`).
* The package and the repository are in the same split (`pairs`).
* Documents of the package have the address of the repository. They have the commit too if it has
  the same file (`told_of`).
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, groupby, takewhile
from pathlib import Path
from typing import Any, Final, cast

import pyarrow as pa
import pyarrow.compute as pc

from corpus.atomic import replacing
from corpus.identifiers import document_id
from corpus.packages import tags_of
from corpus.parts import read_part, write_part
from corpus.reasons import Reason
from corpus.rows import HostRow
from corpus.source import foreign_folder
from corpus.sources.github import GitHub
from corpus.sources.members import Member
from corpus.sources.tar import DEFAULT_LIMITS
from corpus.split.repository import host_row, repository_of
from corpus.store.rows import Archive
from corpus.tables import ALIGNMENTS, HOST, VERSIONS

HEX: Final = "hex"
GITHUB: Final = "github"
"""Sources, as `corpus.sources` names them."""
MOST: Final = 0.5
"""A commit with at least this share of a version's files is aligned with it. A repository that has
changed since needs this share of the version's paths instead, and `SOME` of its files."""
SOME: Final = 0.1
"""Least share of unchanged files in a repository that has changed since."""
LEAST_TOKENS: Final = 50
"""Least number of lexical tokens in the unchanged files; smaller files may be equal by chance."""
BOILERPLATE: Final = 20
"""Files that more packages than this have are not compared."""
NEVER: Final = 1 << 63
"""Sorts packages whose time of publication is unknown behind all others."""
FILES: Final = [
    *("source", "package", "archive_sha256", "path"),
    *("content_id", "lf_id", "role", "tokens"),
]

Package = tuple[str, str]
"""Source and name."""
Place = tuple[str, str]
"""The digest of a file's content with LF as line end, and its path."""


@dataclass(frozen=True, slots=True)
class Match:
    """How much of a version of a package a commit has."""

    version: Archive
    commit: Archive
    folder: str
    """The folder of the repository that has the package, with a final slash; empty for the root."""
    files: int
    """Number of files of the version that are compared."""
    placed: int
    """How many of their paths exist below `folder`."""
    shared: int
    """How many of the files are unchanged at their paths below `folder`."""
    moved: int
    """How many others are unchanged at another path of the commit."""
    tokens: int
    """Lexical tokens of all unchanged files."""
    unchanged: tuple[Place, ...]
    """The version's own digests of the unchanged files, with their paths, sorted."""

    @property
    def share(self) -> float:
        """The share of the compared files that the commit has unchanged."""
        return (self.shared + self.moved) / self.files

    @property
    def is_aligned(self) -> bool:
        """Whether the commit has enough of the version to be from its repository or a fork."""
        same = self.shared + self.moved
        if self.tokens < LEAST_TOKENS or (same < 2 and self.placed < self.files):
            return False
        return self.share >= MOST or (self.share >= SOME and self.placed >= MOST * self.files)

    @property
    def standing(self) -> tuple[float, bool, bool, int, bool, str, str]:
        """The sort key of the commits that a version is aligned with, the best one first."""
        linked = repository_of(self.version.links, self.version.name)
        is_linked = linked == f"github.com/{self.commit.name.lower()}"
        host = self.commit.repository
        is_fork, since = (host.is_fork, host.created_at) if host else (False, "")
        own = tags_of(self.version.name, self.version.version)
        is_other = host is None or host.tag not in own
        name = f"{self.commit.name} {self.commit.version}"
        return -self.share, not is_linked, is_other, self.moved, is_fork, since, name


def align(
    archives: Sequence[Archive],
    fingerprints: Sequence[Path],
    rejects: Sequence[Path],
    destination: Path,
    tags: Sequence[tuple[Archive, Path]] = (),
) -> Path:
    """Write `tables.ALIGNMENTS`, sorted, unless the file exists.

    `tags` are commits of repositories that are only compared, with the files of their archives.
    `fingerprints` and `rejects` are parts in the same order. Files of repositories are compared
    even if a filter left them out. The paths and digests of all packages' files are in memory, and
    those of the repositories of one part at a time.
    """
    if destination.exists():
        return destination
    by_digest = {each.sha256: each for each in archives}
    sources = {each.source for each in (*archives, *(tag for tag, _ in tags))}
    has_both = {HEX, GITHUB} <= sources
    heads = ((by_digest[each], files) for each, files in _repositories(fingerprints, rejects))
    repositories = chain(heads, _tagged(tags))
    rows = _rows(by_digest, shelved(fingerprints), repositories) if has_both else []
    table = pa.Table.from_pylist(rows, schema=ALIGNMENTS)
    order = ("package", "version", "archive_sha256", "host", "host_sha256")
    with replacing(destination) as temporary:
        write_part(table.sort_by([(name, "ascending") for name in order]), temporary)
    return destination


def _rows(
    archives: Mapping[str, Archive],
    shelf: "Shelf",
    repositories: Iterable[tuple[Archive, list[Place]]],
) -> list[dict[str, object]]:
    """Return a row for the best commit of each version, and a row for each other repository that
    some version of a package is aligned with.
    """
    best: dict[str, Match] = {}
    closest: dict[tuple[str, str], Match] = {}
    for commit, files in repositories:
        for match in matches(commit, files, shelf, archives):
            if not match.is_aligned:
                continue
            before = best.get(match.version.sha256, match)
            best[match.version.sha256] = min(before, match, key=lambda each: each.standing)
            pair = match.version.name, match.commit.name
            # There may be a thousand forks, whose digests are not needed.
            bare = replace(match, unchanged=())
            closest[pair] = min(closest.get(pair, bare), bare, key=_closeness)
    told = {(match.version.name, match.commit.name) for match in best.values()}
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
        "moved": match.moved,
        "share": match.share,
        "is_best": is_best,
        "contents": [content for content, _ in match.unchanged],
        "paths": [path for _, path in match.unchanged],
        **host_row(commit.links, commit.name, commit.version, commit.repository),
    }


# The files of packages, and what a repository has of them


@dataclass(slots=True)
class Shelf:
    """The files of packages that are compared."""

    packages: dict[Place, list[str]] = field(default_factory=dict)
    """The packages with a file of this content at this path, in any of their versions."""
    paths: dict[str, set[str]] = field(default_factory=dict)
    """The paths that a content has in packages."""
    tokens: dict[str, int] = field(default_factory=dict)
    """The number of tokens of a content."""
    versions: dict[str, dict[str, set[Place]]] = field(default_factory=dict)
    """The files of each archive of each package, by the digest of the archive."""
    originals: dict[tuple[str, str], str] = field(default_factory=dict)
    """The digests of files with CRLF as they are, by archive and path."""


def shelved(fingerprints: Sequence[Path]) -> Shelf:
    """Read the files of packages."""
    shelf = Shelf()
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for part in fingerprints:
        table = read_part(part, FILES)
        rows = table.filter(pc.equal(table["source"], HEX))
        for _, package, archive, path, original, content, role, tokens in _tuples(rows):
            if role != "config":
                owners[content].add(package)
                shelf.tokens[content] = tokens
                files = shelf.versions.setdefault(package, {}).setdefault(archive, set())
                files.add((content, path))
                if original != content:
                    shelf.originals[archive, path] = original
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

    Copies of dependencies (`deps/cart/`) are left out. A file that a filter left out is compared by
    its bytes, because the digest with other line ends is known of documents only.
    """
    columns = ["source", "archive_sha256", "path"]
    for documents, refused in zip(fingerprints, rejects, strict=True):
        others = read_part(refused, [*columns, "content_id", "reason"])
        own = others.filter(pc.not_equal(others["reason"], Reason.VENDORED.value))
        own = own.select([*columns, "content_id"]).rename_columns([*columns, "lf_id"])
        table = pa.concat_tables([read_part(documents, [*columns, "lf_id"]), own])
        is_file = pc.and_(pc.equal(table["source"], GITHUB), pc.is_valid(table["lf_id"]))
        found: defaultdict[str, list[Place]] = defaultdict(list)
        for _, archive, path, content in _tuples(table.filter(is_file)):
            found[archive].append((content, path))
        yield from found.items()


def _tagged(tags: Sequence[tuple[Archive, Path]]) -> Iterator[tuple[Archive, list[Place]]]:
    """Yield the files of the commits of tags, for each tag of a commit.

    The tags of a commit are in a row, because packages in one repository are released together.
    Archives that cannot be opened are no inputs of a build (`corpus.inputs`).
    """
    for _, group in groupby(tags, key=lambda each: each[0].sha256):
        (archive, path), *others = group
        members = GitHub().open(path.read_bytes(), DEFAULT_LIMITS).members
        files = [
            (hashlib.sha256(each.data.replace(b"\r\n", b"\n")).hexdigest(), each.path)
            for each in members
            if isinstance(each, Member) and not foreign_folder(each.path)
        ]
        yield archive, files
        yield from ((other, files) for other, _ in others)


def _tuples(rows: pa.Table) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.to_pylist() for column in rows.columns), strict=True)


def matches(
    commit: Archive, files: Collection[Place], shelf: Shelf, archives: Mapping[str, Archive]
) -> Iterator[Match]:
    """Yield what a commit has of each version of each package.

    The folder is the one that has most of the version's files at their paths. If none has any, it
    is the innermost folder with all of the moved files.
    """
    in_place: defaultdict[str, defaultdict[str, set[Place]]] = defaultdict(lambda: defaultdict(set))
    somewhere: dict[str, str] = {}
    for content, path in files:
        for own in shelf.paths.get(content, ()):
            somewhere[content] = min(path, somewhere.get(content, path))
            for package in shelf.packages[content, own]:
                folders = in_place[package]
                if path == own or path.endswith(f"/{own}"):
                    folders[path.removesuffix(own)].add((content, own))
    paths = {path for _, path in files}
    for package, folders in in_place.items():
        for digest, wanted in shelf.versions[package].items():
            shared = {folder: wanted & found for folder, found in folders.items()}
            folder = min(shared, key=lambda name: (-len(shared[name]), len(name), name), default="")
            same = {place for place in wanted if place[0] in somewhere}
            if not same:
                continue
            if not shared.get(folder):
                folder = _innermost([somewhere[content] for content, _ in same])
            placed_same = len(shared.get(folder, ()))
            yield Match(
                version=archives[digest],
                commit=commit,
                folder=folder,
                files=len(wanted),
                placed=sum(f"{folder}{path}" in paths for _, path in wanted),
                shared=placed_same,
                moved=len(same) - placed_same,
                tokens=sum(shelf.tokens[content] for content, _ in same),
                unchanged=tuple(
                    sorted(
                        (shelf.originals.get((digest, path), content), path)
                        for content, path in same
                    )
                ),
            )


def _innermost(paths: Sequence[str]) -> str:
    """Return the innermost folder that has all of some files, with a final slash or empty."""
    folders = [path.split("/")[:-1] for path in paths]
    common = takewhile(lambda names: len(set(names)) == 1, zip(*folders, strict=False))
    return "".join(f"{names[0]}/" for names in common)


# What follows from it


def pairs(alignments: Path) -> list[tuple[str, str]]:
    """Return the names of packages with those of the repositories they are aligned with, sorted."""
    rows = read_part(alignments, ["package", "host"])
    return sorted(set(zip(*(column.to_pylist() for column in rows.columns), strict=True)))


def _contents(alignments: Path) -> dict[tuple[str, str], list[str]]:
    """Return the digests of the files that a package and a repository both have.

    They are known for the best commit of a version; other pairs have an empty list.
    """
    names = ["package", "host", "contents"]
    found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    columns = (column.to_pylist() for column in read_part(alignments, names).columns)
    for package, host, contents in zip(*columns, strict=True):
        found[package, host].update(contents or ())
    return {pair: sorted(contents) for pair, contents in found.items()}


def preference(
    archives: Sequence[Archive], published: Mapping[Package, int], alignments: Path
) -> Mapping[Package, int]:
    """Return the rank of each package and repository: of duplicates, the lowest rank is kept.

    Ranks are in the order of first publication. A repository that is older than the packages that
    are published from it gets a rank directly behind them; the packages keep theirs. Repositories
    that were moved stay in the order of their own times. A package whose files are all in earlier
    packages of the same repository is a copy, so the repository need not come after it.
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
    """What an alignment adds to documents and rejects."""

    hosts: Mapping[str, HostRow] = field(default_factory=dict)
    """Repository and commit of a version, by the digest of its archive."""
    contents: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Digests of the version's files that the commit has unchanged, by the same digest."""
    published: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    """The versions with the same file as a repository, "cart 1.0.0" by the id of the document; by
    the name of the repository and the digest of the file."""
    versions: pa.Table = field(default_factory=VERSIONS.empty_table)
    """The commits of versions, as `tables.VERSIONS`."""

    def columns(self, archives: pa.ChunkedArray, contents: pa.ChunkedArray) -> pa.Table:
        """Return the columns of `tables.HOST` for documents, null where nothing is known.

        `archives` are the digests of the documents' archives, and `contents` those of the files.
        Commit and time of the commit are null for a file that the commit does not have unchanged.
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

    def version_with(self, repository: str, content: str, representative: str) -> str | None:
        """Return the version that has a file of a repository, such as "cart 1.0.0".

        Of several it is the one of the `representative` document, else the first by name.
        """
        versions = self.published.get((repository, content))
        return versions.get(representative, min(versions.values())) if versions else None


def told_of(alignments: Path, hidden: Collection[str] = ()) -> Told:
    """Read what alignments add; archives with a digest in `hidden` are not mentioned."""
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
    published: defaultdict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for row in rows:
        for content, path in zip(row["contents"], row["paths"], strict=True):
            document = document_id(row["archive_sha256"], path)
            version = f"{row['package']} {row['version']}"
            published[row["host"], content][document] = version
    names = HostRow.__annotations__
    return Told(
        hosts={
            row["archive_sha256"]: cast(HostRow, {name: row[name] for name in names})
            for row in rows
        },
        contents={row["archive_sha256"]: frozenset(row["contents"]) for row in rows},
        published=published,
        versions=pa.Table.from_pylist(versions, schema=VERSIONS),
    )
