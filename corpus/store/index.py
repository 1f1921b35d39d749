"""The index of a store: a row is first written as a separate file, and later packed with others.

    ROOT/KIND/SOURCE/NAME/NAME-VERSION.json     a loose row, as it was just written
    ROOT/index/KIND-000001.rows                 a segment of packed rows

One file for each row is safe if a writer is killed, but all of Hex would be 170,000 more files. So
loose rows are packed into a segment, and segments into one: each is written to a temporary file and
renamed, and only then are its sources removed. A loose row has precedence over packed ones, a later
segment over an earlier one, and a row `null` means that there is none. Writers lock the index for
each change, so that none packs a row that another one is replacing; readers need no lock.

A line of a segment has the key, the CRC-32 of the row in hexadecimal, and the row as JSON,
separated by tabs.
"""

import fcntl
import json
import os
import zlib
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from corpus.atomic import replacing, write_bytes
from corpus.places import files_below, is_remote, read_files
from corpus.store.rows import StoreError, packed
from corpus.untrusted import parse_json

PACKED_ROWS = 4096
"""A writer packs its loose rows from this number on: 42 segments for all of Hex."""
FEWEST_ROWS = 1024
"""Before it begins, a writer packs existing loose rows from this number on."""
MOST_SEGMENTS = 8
"""Before it begins, a writer merges the segments if there are more than this."""
NOTHING = b"null"

FOLDERS = ("archives", "rejects", "registry", "superseded", "tags", "index")
"""Names below the root of a store, which no source may have."""

Key = tuple[str, str, str]
"""Source, name (which may be OWNER/NAME) and version."""


class ReadOnlyStore(StoreError):
    """A store at a URL was to be written."""


class Row(NamedTuple):
    """The JSON of a row, and the file that it stands in."""

    data: bytes
    place: str


class _Line(NamedTuple):
    segment: str
    number: int
    start: int
    length: int
    checksum: int


class Index:
    """The rows of one kind ("archives", "rejects") below the root of a store."""

    def __init__(self, root: Path, kind: str) -> None:
        self.root = root
        self.kind = kind
        self.written = 0
        self._segments: tuple[str, ...] = ()
        self._lines: dict[str, _Line] = {}

    def loose(self, key: Key) -> Path:
        """Return the path of a row until it is packed; the caller has checked its parts."""
        source, name, version = key
        folder = self.root / self.kind / source / name
        return folder / f"{folder.name}-{version}.json"

    def get(self, key: Key) -> Row | None:
        """Return one row. Raises DamagedRow for a packed one that is not as it was written."""
        path = self.loose(key)
        try:
            found = Row(path.read_bytes(), str(path))
        except (FileNotFoundError, NotADirectoryError):
            self._refresh()  # last: packing writes before it removes
            if "/".join(key) not in self._lines:
                return None
            with self._opened() as files:
                line = self._lines.get("/".join(key))
                return self._row(files[line.segment], line) if line else None
        return None if found.data.strip() == NOTHING else found

    def rows(self, source: str | None = None) -> Iterator[Row]:
        """Yield every row, or those of one source, in no order. Raises DamagedRow as `get` does."""
        loose: dict[str, Row] = {}
        found = {path: "/".join(key) for key, path in self._loose(source)}
        for path, data in read_files(list(found)):  # without those that were packed meanwhile
            loose[found[path]] = Row(data, str(path))
        yield from (row for row in loose.values() if row.data.strip() != NOTHING)
        with self._opened() as files:
            for named, line in self._lines.items():
                if named in loose or (source and not named.startswith(f"{source}/")):
                    continue
                if row := self._row(files[line.segment], line):
                    yield row

    def extend(self, rows: Iterable[tuple[Key, bytes]]) -> None:
        """Write many rows of one line each as a segment, in their order. Raises OSError."""
        with self._locked():
            self._write(("/".join(key), data) for key, data in rows)

    def replace(self, rows: Iterable[tuple[Key, Mapping[str, object]]]) -> None:
        """Make these the only rows of an index at a URL, where nobody else writes meanwhile.

        They are one object, so that readers see the old rows or the new ones. Raises what
        `upload` does.
        """
        named = sorted(("/".join(key), _line(row)) for key, row in rows)
        lines = (b"%s\t%08x\t%s\n" % (key.encode(), zlib.crc32(d), d) for key, d in named)
        write_bytes(self.root / "index" / f"{self.kind}-000001.rows", b"".join(lines))

    def put(self, key: Key, data: bytes) -> None:
        """Write a row, whole or not at all. Raises OSError."""
        with self._locked():
            write_bytes(self.loose(key), data)
        self.written += 1
        if self.written >= PACKED_ROWS:
            self.pack()

    def remove(self, key: Key) -> None:
        """Remove a row. Raises DamagedRow for a segment that cannot be read, and OSError."""
        with self._locked():
            self._refresh()
            if "/".join(key) in self._lines:
                write_bytes(self.loose(key), NOTHING + b"\n")
            else:
                self.loose(key).unlink(missing_ok=True)

    def tidy(self) -> None:
        """Pack existing loose rows, and merge many segments into one, if there are enough.

        Raises DamagedRow for a segment that cannot be read, before a writer begins.
        """
        self._refresh()
        is_split = len(self._segments) > MOST_SEGMENTS
        if is_split or sum(1 for _ in self._loose()) >= FEWEST_ROWS:
            self.pack()  # before merging: then a damaged row that was written anew is not read
        if is_split:
            self.merge()

    def pack(self) -> None:
        """Write all loose rows into a new segment, then remove them; an incomplete row is kept."""
        with self._locked():
            rows, paths = [], []
            for key, path in self._loose():
                if (data := _compact(path)) is not None:
                    rows.append(("/".join(key), data))
                    paths.append(path)
            if rows:
                self._write(sorted(rows))
            for path in paths:
                path.unlink(missing_ok=True)
        self.written = 0

    def merge(self) -> None:
        """Write the rows of all segments into one, then remove those."""
        with self._locked():
            self._refresh()
            old = self._segments
            keys = sorted(self._lines)
            with self._opened() as files:
                read = ((key, self._lines[key]) for key in keys)
                found = ((key, self._row(files[line.segment], line)) for key, line in read)
                self._write((key, row.data) for key, row in found if row)
            for name in old:
                (self.root / "index" / name).unlink(missing_ok=True)

    def _write(self, rows: Iterable[tuple[str, bytes]]) -> None:
        named = self._named()
        number = 1 + max((int(name[-11:-5]) for name in named), default=0)
        with (
            replacing(self.root / "index" / f"{self.kind}-{number:06}.rows") as temporary,
            temporary.open("wb") as file,
        ):
            for key, data in rows:
                file.write(b"%s\t%08x\t%s\n" % (key.encode(), zlib.crc32(data), data))

    def _loose(self, only: str | None = None) -> Iterator[tuple[Key, Path]]:
        top = self.root / self.kind
        if is_remote(top):
            yield from _rows_at(top, only)
            return
        # The folder above a store that is called `archives` has these where sources would stand.
        for source in (each for each in _folders(top) if each not in FOLDERS):
            if only not in (None, source):
                continue
            for name in _folders(f"{top}/{source}"):
                for inside in (yield from _rows(f"{top}/{source}", source, name)):
                    yield from _rows(f"{top}/{source}", source, f"{name}/{inside}")

    def _named(self) -> tuple[str, ...]:
        folder = self.root / "index"
        if is_remote(folder):
            names = [path.name for path in files_below(folder)]
        else:
            names = os.listdir(folder) if folder.is_dir() else []  # noqa: PTH208 - names only
        of_kind = (n for n in names if n.startswith(f"{self.kind}-") and n.endswith(".rows"))
        return tuple(sorted(of_kind))

    def _refresh(self) -> None:
        """Read where the packed rows stand, if other segments are there now."""
        named = self._named()
        if named == self._segments:
            return
        lines: dict[str, _Line] = {}
        for name in named:
            try:
                with (self.root / "index" / name).open("rb") as file:
                    lines.update(_lines(file, name))
            except FileNotFoundError:  # merged meanwhile
                return self._refresh()
            except ValueError as error:
                raise packed(self.root / "index" / name, str(error)) from error
        self._segments, self._lines = named, lines
        return None

    @contextmanager
    def _opened(self) -> Iterator[dict[str, BinaryIO]]:
        """Open all segments that there are now; a writer may remove them while they are read."""
        with ExitStack() as stack:
            yield self._files(stack)

    def _files(self, stack: ExitStack) -> dict[str, BinaryIO]:
        while True:
            self._refresh()
            try:
                return {
                    name: stack.enter_context((self.root / "index" / name).open("rb"))
                    for name in self._segments
                }
            except FileNotFoundError:  # merged since they were listed
                continue

    def _row(self, file: BinaryIO, line: _Line) -> Row | None:
        """Read a packed row. Raises DamagedRow for one that is not as it was written."""
        file.seek(line.start)
        data = file.read(line.length)
        path = self.root / "index" / line.segment
        if zlib.crc32(data) != line.checksum:
            raise packed(path, f"line {line.number} is not as it was written")
        return None if data == NOTHING else Row(data, f"{path}, line {line.number}")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock of the index, which is freed at the latest when the process ends.

        Raises ReadOnlyStore at a URL.
        """
        folder = self.root / "index"
        if is_remote(folder):
            raise ReadOnlyStore(
                f"{self.root}: an archive store at a URL can be read only, because object stores "
                "have no locks. Write to a store on this machine, and copy it with `python -m "
                f"corpus copy-archives FOLDER {self.root}`."
            )
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{self.kind}.lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _rows_at(top: Path, only: str | None) -> Iterator[tuple[Key, Path]]:
    """Yield the rows below the folder of a kind at a URL, of which one listing has all files."""
    for path in files_below(top if only is None else top / only):
        source, *name, file = path.relative_to(top).parts
        begins = f"{name[-1] if name else ''}-"
        if source in FOLDERS or not 1 <= len(name) <= 2 or not file.startswith(begins):
            continue
        if file.endswith(".json"):
            version = file[len(begins) : -len(".json")]
            yield (source, "/".join(name), version), path


def _rows(top: str, source: str, name: str) -> Generator[tuple[Key, Path], None, list[str]]:
    """Yield the rows in the folder of a package; return the names of folders in it."""
    with os.scandir(f"{top}/{name}") as found:
        each_is_folder = {each.name: each.is_dir() for each in found}
    begins = f"{name.rpartition('/')[2]}-"
    for file, is_folder in each_is_folder.items():
        if not is_folder and file.endswith(".json") and file.startswith(begins):
            version = file[len(begins) : -len(".json")]
            yield (source, name, version), Path(f"{top}/{name}/{file}")
    return [file for file, is_folder in each_is_folder.items() if is_folder]


def _lines(file: Iterable[bytes], segment: str) -> Iterator[tuple[str, _Line]]:
    """Yield key and place of every line. Raises ValueError for what is no line of a segment."""
    start = 0
    for number, line in enumerate(file, start=1):
        key, checksum, data = line.split(b"\t", 2)
        if not data.endswith(b"\n"):
            raise ValueError(f"line {number} has no end")
        before = len(key) + len(checksum) + 2
        place = _Line(segment, number, start + before, len(data) - 1, int(checksum, 16))
        yield key.decode(), place
        start += len(line)


def _folders(path: Path | str) -> list[str]:
    try:
        with os.scandir(path) as found:
            return sorted(each.name for each in found if each.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _compact(path: Path) -> bytes | None:
    """Return a loose row on one line, None if it is not JSON, which readers report."""
    try:
        row = parse_json(path.read_bytes())
    except ValueError:
        return None
    return _line(row)


def _line(row: object) -> bytes:
    return json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
