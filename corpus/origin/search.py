"""Lookup of the origin of code, from a release only.

`Origins` holds the footers of the tables `origin` and `documents`. A key is looked up in the one
row group that may have it, and a document in at most one row group of each split, of whose texts
one page is decompressed. So an answer reads little, however large the release is. What the keys
suggest is compared with the text of the document before it is told: every shared run of tokens, and
the exact Jaccard similarity of the shingles that near-duplicates are found by.

A query is untrusted text: it is not parsed, all steps are linear, and a query that is longer than
any document is refused before it is read completely.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, Final, NotRequired, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpus.errors import CorpusError
from corpus.fingerprint import Hashes, shingle
from corpus.identifiers import swhid
from corpus.origin.index import RUN, Places, Runs, code_key, key_of, runs_of, winnowed
from corpus.release import Release, UnreadableRelease
from corpus.release.page import text_at
from corpus.release.reading import open_shard
from corpus.source import LANGUAGES, language_of
from corpus.tables import ATTRIBUTION_TABLE

LONGEST_QUERY = 2_000_000
"""Maximum size of a query. A document has at most 1 MiB, unless a build is configured otherwise."""
MOST_KEYS = 2_000
"""Maximum number of keys that are looked up. Of a longer query those with the smallest hashes are
taken, which is an unbiased sample."""
MOST_ROWS = 4_096
"""Maximum number of rows of the index that are read for one key; only boilerplate has more."""
MOST_MATCHES = 3
"""Maximum number of documents that are compared with a query."""
LEAST_TOKENS = 32
"""Tokens in sequence that make a match. docs/how-to/origin.md has what was measured."""
COMMON = 5
"""Code in at least this number of packages is reported as common, without attribution."""
SHARED = 0.9
"""A document has the same piece if it has this share of the keys that the best one has."""
SHINGLE = 5
"""Tokens in a shingle, as in `FingerprintConfig`."""
NEAR = 0.7
"""Jaccard similarity of a near-duplicate, as in `NearDuplicates`."""

SIDES: Final = ("left", "right")
"""Of the rows with a key, to search for the first one and for the one behind the last."""

HASH = re.compile(r"(?P<git>[0-9a-f]{40})|(?P<sha256>[0-9a-f]{64})")
SWHID = re.compile(r"swh:1:cnt:(?P<git>[0-9a-f]{40})(?:;.*)?")
COLUMNS = (
    *("document_id", "content_id", "swhid", "package", "version", "purl", "path"),
    *("license_expression", "archive_sha256"),
)


class EmptyQuery(CorpusError):
    """The query is empty."""

    def __init__(self) -> None:
        super().__init__("the query is empty: give a file, a piece of code, or a hash of a file")


class QueryTooLong(CorpusError):
    """The query is longer than any document."""

    def __init__(self) -> None:
        super().__init__(
            f"the query has more than {LONGEST_QUERY:,} bytes, which no document has: ask about a "
            "part of it"
        )


class NotText(CorpusError):
    """The query is binary, and no document has the same bytes."""

    def __init__(self) -> None:
        super().__init__("no document has these bytes, and they are no text to look for")


class NoIndex(CorpusError):
    """The release has no table of origins."""

    def __init__(self, release: Release) -> None:
        super().__init__(
            f"{release.path}: it has no table `origin`, as releases of earlier versions. Build it "
            "again with this version."
        )


class Relation(StrEnum):
    """The relation between a query and a document, the closest first."""

    IDENTICAL = "identical"
    """The same bytes."""
    COPY = "copy"
    """The same bytes as a file that was dropped as a duplicate of the document."""
    SAME_CODE = "same_code"
    """The same tokens without comments."""
    NEAR = "near"
    """Shingles with a Jaccard similarity of at least `NEAR`."""
    PART = "part"
    """They share `LEAST_TOKENS` tokens in sequence."""
    COMMON = "common"
    """As a part, but of `COMMON` or more packages."""


Lines = tuple[int, int]
"""The first and the last line, from 1."""


@dataclass(frozen=True, slots=True)
class Place:
    """A document, the lines that it shares with a query, and the data for attribution."""

    document_id: str
    content_id: str
    swhid: str
    package: str
    version: str
    purl: str
    path: str
    license_expression: str
    lines: Lines | None
    copyright: tuple[str, ...]

    @property
    def attribution(self) -> str:
        """An attribution: package, file, licence and holders of copyright."""
        lines = f", lines {self.lines[0]} to {self.lines[1]}" if self.lines else ""
        origin = f"{self.path}{lines} of {self.package} {self.version} ({self.purl})"
        return "\n".join([f"From {origin}, {self.license_expression}.", *self.copyright])


@dataclass(frozen=True, slots=True)
class Match:
    """One finding; `places` is empty for what is common.

    `query_lines` are the lines of the query that it is about, None for all of it. `tokens` counts
    the shared tokens in sequence, `packages` the packages of the release that have them.
    `similarity` is the exact Jaccard similarity of query and document, None where it is not needed.
    """

    relation: Relation
    places: tuple[Place, ...]
    packages: tuple[str, ...]
    query_lines: Lines | None = None
    tokens: int | None = None
    similarity: float | None = None

    @property
    def told(self) -> str:
        """The finding in one sentence."""
        where = "the query"
        if self.query_lines:
            where = f"lines {self.query_lines[0]} to {self.query_lines[1]} of the query"
        count = len(self.packages)
        said = {
            Relation.IDENTICAL: "the query has the bytes of a document",
            Relation.COPY: "the query has the bytes of a duplicate that was dropped for a document",
            Relation.SAME_CODE: "the query has the code of a document, comments and blanks aside",
            Relation.NEAR: f"{where}: near-duplicate, similarity {self.similarity or 0:.3f}",
            Relation.PART: f"{where}: {self.tokens} tokens in sequence of a document",
            Relation.COMMON: f"{where}: common code, in {count} packages, attributed to none",
        }[self.relation]
        return f"{self.relation}: {said}" + (
            f" ({count} packages have it)" if self.places and count > 1 else ""
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """The matches of a query in a release; empty if nothing in it is similar."""

    sha256: str | None
    swhid: str | None
    matches: tuple[Match, ...]

    def plain(self) -> dict[str, object]:
        """Return the answer as values for JSON, with the attribution of each place."""
        told = asdict(self)
        for match, found in zip(told["matches"], self.matches, strict=True):
            for place, each in zip(match["places"], found.places, strict=True):
                place["attribution"] = each.attribution
        return told


class Row(TypedDict):
    """The columns of a document that an answer has."""

    document_id: str
    content_id: str
    swhid: str
    package: str
    version: str
    purl: str
    path: str
    license_expression: str
    archive_sha256: str
    text: NotRequired[bytes]


@dataclass(frozen=True, slots=True)
class Hit:
    """A row of the index: a document by its key, the package, and the line of a run."""

    content: int
    package: str
    line: int


def read_query(file: BinaryIO) -> bytes:
    """Read a query from a file. Raises QueryTooLong without reading the rest."""
    data = file.read(LONGEST_QUERY + 1)
    if len(data) > LONGEST_QUERY:
        raise QueryTooLong
    return data


def is_hash(text: str) -> bool:
    """Return whether a text is a SHA-256, the object id of a Git blob, or a SWHID of contents."""
    return bool(HASH.fullmatch(text) or SWHID.fullmatch(text))


class Origins:
    """An opened release for any number of lookups."""

    def __init__(self, release: Release) -> None:
        """Read the footers. Raises NoIndex and UnreadableRelease."""
        if not release.shards("origin"):
            raise NoIndex(release)
        self._release = release
        self._holders: Holders | None = None
        try:
            self._keys = Groups(release, "origin", "key", ("kind", "package"))
            self._documents = Groups(release, "documents", "content_id")
        except (OSError, pa.ArrowException) as error:
            raise UnreadableRelease(release, error) from error

    def ask(self, data: bytes, path: str = "") -> Answer:
        """Look up the origin of a file or a piece of code.

        The suffix of `path` gives the language; without one all are tried. Raises EmptyQuery,
        QueryTooLong, NotText and UnreadableRelease.
        """
        if not data.strip():
            raise EmptyQuery
        if len(data) > LONGEST_QUERY:
            raise QueryTooLong
        digest, own = hashlib.sha256(data).hexdigest(), swhid(data)
        try:
            matches = tuple(self._bytes(digest, "content_id")) or tuple(self._text(data, path))
        except (OSError, pa.ArrowException) as error:
            raise UnreadableRelease(self._release, error) from error
        return Answer(digest, own, matches)

    def ask_hash(self, text: str) -> Answer:
        """Look up the document with a SHA-256, Git blob id or SWHID. Raises UnreadableRelease.

        Raises ValueError if `is_hash` is false.
        """
        found = HASH.fullmatch(text) or SWHID.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is no hash of a file")
        sha256 = found.groupdict().get("sha256")
        own = None if sha256 else f"swh:1:cnt:{found['git']}"
        column, value = ("content_id", sha256) if sha256 else ("swhid", own)
        try:
            return Answer(sha256, own, tuple(self._bytes(str(value), column)))
        except (OSError, pa.ArrowException) as error:
            raise UnreadableRelease(self._release, error) from error

    def _bytes(self, value: str, column: str) -> Iterator[Match]:
        """Yield the document, or the one that is kept for a duplicate, with these bytes."""
        own = "content" if column == "content_id" else "swhid"
        hits = self._hits(key_of(value.rpartition(":")[2]))
        for kind, hit in sorted(hits, key=lambda each: each[0] == "copy"):
            row = self._row(hit.content) if kind in (own, "copy") else None
            if row and (kind == "copy" or row[column] == value):  # type: ignore[literal-required]
                relation = Relation.COPY if kind == "copy" else Relation.IDENTICAL
                yield Match(relation, (self._place(row),), (row["package"],))
                return

    def _text(self, data: bytes, path: str) -> Iterator[Match]:
        if b"\0" in data:
            raise NotText
        text = data.decode("utf-8-sig", errors="replace").encode()
        language = language_of(path)
        for name in [language] if language else sorted(set(LANGUAGES.values())):
            for kind, hit in self._hits(code_key(text, name)):
                if kind == "code":
                    row = self._row(hit.content)
                    yield Match(Relation.SAME_CODE, (self._place(row),), (row["package"],))
                    return
        yield from self._pieces(text)

    def _pieces(self, text: bytes) -> Iterator[Match]:
        """Yield the documents that share most with a text, one for each separate piece."""
        asked = runs_of(text)
        chosen = asked.hashes[winnowed(asked.hashes)]
        found: dict[int, dict[int, Hit]] = defaultdict(dict)
        for key in np.unique(chosen)[:MOST_KEYS].tolist():
            for kind, hit in self._hits(key):
                if kind == "run":
                    found[hit.content].setdefault(key, hit)
        left = {key for hits in found.values() for key in hits}
        for _ in range(MOST_MATCHES):
            best = max(found, key=lambda each: (len(found[each].keys() & left), -each), default=0)
            keys = found[best].keys() & left if found else set()
            if not keys:
                return
            match = self._compared(asked, text, found, best, keys)
            if match is not None:
                yield match
            left -= keys

    def _compared(
        self,
        asked: Runs,
        text: bytes,
        found: Mapping[int, Mapping[int, Hit]],
        best: int,
        keys: set[int],
    ) -> Match | None:
        """Return the match of the best document and of others; None if they share too little."""
        sharing = [
            content
            for content, hits in found.items()
            if len(hits.keys() & keys) >= SHARED * len(keys)
        ]
        packages = sorted({next(iter(found[each].values())).package for each in sharing})
        if len(packages) >= COMMON:
            here = np.isin(asked.hashes, np.array(sorted(keys), dtype=np.uint64))
            tokens, first, last = longest(here.nonzero()[0])
            lines = lines_of(text, asked.starts[[first, last]])
            return Match(Relation.COMMON, (), tuple(packages), lines, tokens)
        row = self._row(best, with_text=True)
        theirs_text = row["text"]
        theirs = runs_of(theirs_text)
        tokens, first, last = longest(np.isin(asked.hashes, theirs.hashes).nonzero()[0])
        if tokens < LEAST_TOKENS:
            return None
        start = int((theirs.hashes == asked.hashes[first]).argmax())
        lines = lines_of(theirs_text, theirs.starts[[start, start + tokens - 1]])
        similarity = jaccard(asked.tokens, theirs.tokens)
        others = (
            self._place(self._row(each), spanned(found[each], keys))
            for each in sorted(sharing)
            if each != best
        )
        return Match(
            Relation.NEAR if similarity >= NEAR else Relation.PART,
            (self._place(row, lines), *others),
            tuple(packages),
            lines_of(text, asked.starts[[first, last]]),
            tokens,
            similarity,
        )

    def _hits(self, key: int) -> Iterator[tuple[str, Hit]]:
        """Yield the rows of the index with a key, with their kind."""
        for rows in self._keys.rows(key, ("kind", "content", "line", "package")):
            for row in rows.slice(0, MOST_ROWS).to_pylist():
                yield row["kind"], Hit(row["content"], row["package"], row["line"])

    def _row(self, content: int, with_text: bool = False) -> Row:
        """Return the columns of a document by its key."""
        digits = f"{content:016x}"
        for shard, group in self._documents.places(content):
            ids = shard.read(group, ["content_id"])["content_id"]
            places = pc.indices_nonzero(pc.starts_with(ids, digits))
            if len(places):
                place = places[0].as_py()
                row: Row = shard.read(group, COLUMNS).slice(place, 1).to_pylist()[0]
                if with_text:
                    row["text"] = text_at(shard.path, shard.file.metadata, group, "text", place)
                return row
        raise OSError(f"the index names a document {digits}... that is not there")

    def _place(self, row: Row, lines: Lines | None = None) -> Place:
        plain = {name: row[name] for name in COLUMNS[:-1]}  # type: ignore[literal-required]
        if self._holders is None:
            self._holders = Holders(self._release)
        return Place(**plain, lines=lines, copyright=self._holders.of(row["archive_sha256"]))


class Holders:
    """The copyright lines of archives, from the attribution of a release."""

    def __init__(self, release: Release) -> None:
        """Read the digests of all archives. Raises OSError and pyarrow.ArrowException."""
        self._file = open_shard(release.path / ATTRIBUTION_TABLE.files)
        self._places: dict[str, tuple[int, int]] = {}
        for group in range(self._file.num_row_groups):
            digests = self._file.read_row_group(group, columns=["sha256"], use_threads=False)
            for place, digest in enumerate(digests["sha256"].to_pylist()):
                self._places[digest] = group, place

    def of(self, archive: str) -> tuple[str, ...]:
        """Return the lines of one archive; none if it has no attribution."""
        if archive not in self._places:
            return ()
        group, place = self._places[archive]
        rows = self._file.read_row_group(group, columns=["copyright"], use_threads=False)
        return tuple(rows["copyright"][place].as_py() or ())


@dataclass(frozen=True, slots=True)
class OpenShard:
    """A shard and where it is."""

    path: Path
    file: pq.ParquetFile

    def read(self, group: int, columns: Sequence[str]) -> pa.Table:
        """Read columns of a row group. Raises OSError and pyarrow.ArrowException."""
        return self.file.read_row_group(group, columns=list(columns), use_threads=False)


class Groups:
    """The row groups of a table that is sorted by a digest, found by their least and most."""

    def __init__(
        self, release: Release, table: str, column: str, dictionaries: Sequence[str] = ()
    ) -> None:
        """Read the footers of all shards. Raises OSError and pyarrow.ArrowException.

        `dictionaries` are columns that are quicker to read as such.
        """
        self._column = column
        self._keys: dict[tuple[Path, int], Hashes] = {}
        self._rows: dict[tuple[Path, int], pa.Table] = {}
        self._groups: list[tuple[OpenShard, int]] = []
        least: list[int] = []
        most: list[int] = []
        for each in release.shards(table):
            path = release.path / each.path
            shard = OpenShard(path, open_shard(path, dictionaries))
            place = shard.file.schema_arrow.get_field_index(column)
            for group in range(shard.file.num_row_groups):
                bounds = shard.file.metadata.row_group(group).column(place).statistics
                self._groups.append((shard, group))
                least.append(_number(bounds.min))
                most.append(_number(bounds.max))
        self._least, self._most = np.array(least, np.uint64), np.array(most, np.uint64)

    def places(self, value: int) -> Iterator[tuple[OpenShard, int]]:
        """Yield the row groups that may have a value."""
        wanted = np.uint64(value)
        here = (self._least <= wanted) & (self._most >= wanted)
        for place in here.nonzero()[0].tolist():
            yield self._groups[place]

    def rows(self, value: int, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield the rows with a number in the column of the digest.

        The other columns of a row group are read where it has the number. The last row groups are
        kept in memory. DLPack is used because `to_numpy` imports pandas, which takes 0.3 s.
        """
        for shard, group in self.places(value):
            name = shard.path, group
            if name not in self._keys:
                if len(self._keys) >= KEPT_GROUPS:
                    oldest = next(iter(self._keys))
                    self._keys.pop(oldest)
                    self._rows.pop(oldest, None)
                keys = shard.read(group, [self._column])[self._column].combine_chunks()
                self._keys[name] = np.asarray(np.from_dlpack(keys), np.uint64)
            first, stop = (
                int(self._keys[name].searchsorted(np.uint64(value), side)) for side in SIDES
            )
            if first < stop:
                if name not in self._rows:
                    self._rows[name] = shard.read(group, columns)
                yield self._rows[name].slice(first, stop - first)


KEPT_GROUPS = 256
"""Row groups of the index that stay in memory, each of about 10,000 rows (0.4 MB)."""


def _number(bound: int | str) -> int:
    return key_of(bound) if isinstance(bound, str) else bound


def longest(places: Places) -> tuple[int, int, int]:
    """Return the tokens of the longest piece that the runs at these places cover together, and its
    first and last token; zeros for no runs.

    Runs belong together if they overlap or touch.
    """
    if not len(places):
        return 0, 0, 0
    edges = [0, *(1 + np.flatnonzero(np.diff(places) > RUN)).tolist(), len(places)]
    pieces = [(places[start], places[stop - 1] + RUN - 1) for start, stop in pairwise(edges)]
    first, last = max(pieces, key=lambda piece: piece[1] - piece[0])
    return int(last - first + 1), int(first), int(last)


def lines_of(text: bytes, offsets: Iterable[int]) -> Lines:
    """Return the lines of two offsets."""
    first, last = (1 + text.count(b"\n", 0, int(offset)) for offset in offsets)
    return first, last


def spanned(hits: Mapping[int, Hit], keys: set[int]) -> Lines:
    """Return the lines where the first and the last of some runs begin."""
    lines = [hit.line for key, hit in hits.items() if key in keys]
    return min(lines), max(lines)


def jaccard(one: Hashes, other: Hashes) -> float:
    """Return the exact Jaccard similarity of the shingles of two sequences of tokens."""
    mine, theirs = (shingle(each, np.array([0, len(each)]), SHINGLE)[0] for each in (one, other))
    shared = len(np.intersect1d(mine, theirs, assume_unique=True))
    return shared / (len(mine) + len(theirs) - shared)
