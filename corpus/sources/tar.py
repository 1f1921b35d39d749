"""A strict, streaming reader of tar files, a plain writer, and the limits and error of archives.

It reads ustar, with pax and GNU extensions for long names. The standard library's tarfile treats a
damaged header as the end of the archive and so loses files silently; here a damaged header is an
error. Formats: POSIX.1-2017, utility `pax`, "ustar Interchange Format" and "pax Extended
Header"; GNU tar manual, "Basic Tar Format".
"""

import io
import re
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple, Protocol

from isal import isal_zlib

from corpus.bounds import check_least
from corpus.errors import CorpusError
from corpus.reasons import Reason, Reject, Stage

MIB = 1024 * 1024
BLOCK = 512
PIECE = 64 * 1024
"""Bytes that are read from a compressed stream at a time, and at most returned from it."""
GZIP = 16 + isal_zlib.MAX_WBITS
GZIP_MAGIC = b"\x1f\x8b"
DEFLATE = 8
"""The only compression method of gzip (RFC 1952, section 2.3.1)."""
RESERVED = 0b1110_0000
"""Flags of a gzip header that must be zero (same section)."""
LONGEST_EXTENSION = 64 * 1024
"""Maximum size of one extended header: paths need a few hundred bytes, and only they are read."""
MOST_EXTENSIONS = 8 * 1024 * 1024
"""Maximum size of all extended headers of an archive: they take ten times as long as data."""
RECORD_LENGTH = re.compile(rb"([1-9][0-9]{0,9}) ")
ZEROS = bytes(BLOCK)
BLANKED = b" " * 8
"""Replaces the checksum field of a header while its checksum is computed."""
OCTAL = re.compile(rb"[0-7]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchiveLimits:
    """Limits that are checked before data is expanded; sizes in bytes.

    Raises ValueError unless all are above 0.
    """

    compressed: int = 16 * MIB
    """The archive as served. hex_core's `tarball_max_size`."""
    expanded: int = 128 * MIB
    """The contents with tar headers and padding. hex_core's `tarball_max_uncompressed_size`."""
    metadata: int = 1 * MIB
    """metadata.config. Hex's own limit for it."""
    files: int = 20_000
    """Headers in the contents. All of RabbitMQ 3.10's source tree has 3,105."""
    file: int = 8 * MIB
    """One file; a larger one is skipped unread. The largest in that tree has 2.1 MB."""
    path: int = 512
    """UTF-8 bytes of a path. USTAR ends at 256, only extended headers go further."""
    depth: int = 32
    """Folders in a path. That tree, and Elixir's, reach eleven."""
    ratio: int = 100
    """Expanded by compressed: Apache POI's bound (ZipSecureFile). Of 81 real applications none
    reaches 12; DEFLATE ends at 1,032."""
    ratio_from: int = 1 * MIB
    """Expanded size from which the ratio is checked: small files of zeros are harmless."""

    def __post_init__(self) -> None:
        """Check that every limit is positive."""
        check_least(1, self, *self.__slots__)


DEFAULT_LIMITS = ArchiveLimits()


class ArchiveError(CorpusError):
    """An archive that must be rejected as a whole, and why."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reject = Reject(Stage.UNPACK, reason, detail)

    def __str__(self) -> str:
        return f"{self.reject.detail} ({self.reject.reason})"


class EntryKind(Enum):
    """The kinds of entries that matter for reading source code."""

    FILE = auto()
    DIRECTORY = auto()
    LINK = auto()
    SPECIAL = auto()


KINDS = {
    **dict.fromkeys((b"0", b"\0", b"7"), EntryKind.FILE),
    **dict.fromkeys((b"1", b"2"), EntryKind.LINK),
    b"5": EntryKind.DIRECTORY,
}
"""By type flag; all others are special: devices, pipes, sparse files, volume labels."""
TYPES = {
    EntryKind.FILE: tarfile.REGTYPE,
    EntryKind.DIRECTORY: tarfile.DIRTYPE,
    EntryKind.LINK: tarfile.SYMTYPE,
    EntryKind.SPECIAL: tarfile.FIFOTYPE,
}
"""Type flags that are written."""
WITHOUT_DATA = frozenset((b"1", b"2", b"3", b"4", b"5", b"6"))
"""Types without data, whatever their size field contains."""


class Stream(Protocol):
    """A source of bytes: a file, or an `Inflater`."""

    def read(self, size: int, /) -> bytes:
        """Return `size` bytes, fewer only at the end."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One member; `size` is in bytes, below 2 ** 63, and 0 for entries without data."""

    path: str
    kind: EntryKind
    size: int


class Header(NamedTuple):
    """The fields of a header block that are used here."""

    path: bytes
    type: bytes
    size: int


class TarReader:
    """Iterates over the entries of a tar stream; `read` gives the data of the latest one.

    Both raise ArchiveError: NOT_A_TARBALL if the stream does not begin with a header or has data
    after its end, TRUNCATED if it ends early or has a damaged header, TOO_MANY_FILES for more than
    `headers` headers.
    """

    def __init__(self, source: Stream, *, name: str, headers: int) -> None:
        self.source = source
        self.name = name
        self.headers = headers
        self.headers_read = 0
        self.extended = 0
        self.position = 0
        self.unread = 0

    def __iter__(self) -> Iterator[Entry]:
        extensions: dict[str, bytes] = {}
        while header := self.header():
            try:
                if read_extension := EXTENSIONS.get(header.type):
                    extensions |= read_extension(self.extension(header.size))
                    continue
                entry = extended(header, extensions)
            except ValueError as error:
                raise self.broken(str(error)) from error
            extensions = {}
            self.unread = entry.size
            yield entry
            self.skip_data()
        self.drain()

    def read(self) -> bytes:
        """Return the data of the latest entry; it can be read only once."""
        size, self.unread = self.unread, 0
        data = self.take(size)
        self.take(-size % BLOCK)
        return data

    def skip_data(self) -> None:
        """Skip the data of the latest entry, unless it has been read."""
        left = self.unread + -self.unread % BLOCK
        self.unread = 0
        while left:
            left -= len(self.take(min(left, PIECE)))

    def header(self) -> Header | None:
        """Read the next header; None at the end of the archive."""
        block = self.source.read(BLOCK)
        if block == ZEROS:
            return None
        if len(block) < BLOCK:
            raise self.broken(f"it ends after {len(block)} bytes of a header", block)
        if self.headers_read == self.headers:
            raise ArchiveError(
                Reason.TOO_MANY_FILES, f"{self.name}: more than {self.headers} headers"
            )
        try:
            header = parse_header(block)
        except ValueError as error:
            raise self.broken(str(error), block) from error
        self.position += BLOCK
        self.headers_read += 1
        return header

    def extension(self, size: int) -> bytes:
        """Read the data of an extended header."""
        self.extended += size
        if size > LONGEST_EXTENSION or self.extended > MOST_EXTENSIONS:
            raise ArchiveError(
                Reason.ARCHIVE_TOO_LARGE,
                f"{self.name}: extended headers of {size}, in all {self.extended} bytes; allowed"
                f" are {LONGEST_EXTENSION}, in all {MOST_EXTENSIONS}",
            )
        self.unread = size
        return self.read()

    def take(self, size: int) -> bytes:
        """Read exactly `size` bytes."""
        data = self.source.read(size)
        self.position += len(data)
        if len(data) < size:
            raise self.broken("it ends in the middle of a file")
        return data

    def drain(self) -> None:
        """Read the padding to the end, which verifies the checksum of a compressed stream."""
        while rest := self.source.read(PIECE):
            if rest.count(0) != len(rest):
                raise ArchiveError(
                    Reason.NOT_A_TARBALL, f"{self.name}: data behind the end of the archive"
                )

    def broken(self, what: str, block: bytes = b"") -> ArchiveError:
        """Return the error for a stream that is not a tar file, or has a damaged header later."""
        if self.headers_read:
            return ArchiveError(Reason.TRUNCATED, f"{self.name}: {what} at byte {self.position}")
        begins = f"it begins with {block[:24]!r}" if block else "it is empty"
        return ArchiveError(Reason.NOT_A_TARBALL, f"{self.name}: not a tar file, {begins}")


def write_tar(entries: Iterable[tuple[Entry, bytes]]) -> bytes:
    """Return a tar of names, kinds and bytes only: the same entries always give the same bytes.

    Times, owners and modes are those of `tarfile.TarInfo`; links have no target.
    """
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for entry, data in entries:
            written = tarfile.TarInfo(entry.path)
            written.type = TYPES[entry.kind]
            written.size = len(data)
            archive.addfile(written, io.BytesIO(data))
    return body.getvalue()


class Inflater:
    """Expands a gzip file piece by piece; each `read` raises ArchiveError past a limit.

    Consecutive gzip members are one stream (RFC 1952, section 2.2), and zero bytes after the last
    are padding. The checksum of each member is verified. ISA-L takes 0.4 of the time of zlib.
    """

    def __init__(self, compressed: bytes, limits: ArchiveLimits) -> None:
        self.compressed = memoryview(compressed)
        self.limits = limits
        self.offset = 0
        self.expanded = 0
        self.buffer = bytearray()
        self.ended = False
        self.member = isal_zlib.decompressobj(GZIP)

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer only at the end. Raises ArchiveError."""
        while len(self.buffer) < size and (piece := self.inflate()):
            self.buffer += piece
        taken = bytes(memoryview(self.buffer)[:size])
        del self.buffer[:size]
        return taken

    def inflate(self) -> bytes:
        """Return the next expanded piece, empty only at the end."""
        while self.begin_member():
            waiting = self.member.unconsumed_tail or self.take()
            try:
                piece = self.member.decompress(waiting, PIECE)
            except isal_zlib.error as error:  # type: ignore[misc]  # a class, not an instance
                raise bad_gzip("its data or a checksum is damaged") from error
            if piece:
                self.count(len(piece))
                return piece
            if not waiting and not self.member.eof:
                raise ArchiveError(Reason.TRUNCATED, "contents: the gzip stream ends too early")
        return b""

    def begin_member(self) -> bool:
        """Start the next gzip member if this one has ended; return whether data is left."""
        if self.offset == 0:
            self.check_header()
        if self.ended or not self.member.eof:
            return not self.ended
        self.offset -= len(self.member.unused_data)
        rest = self.compressed[self.offset :]
        if rest[:2] == GZIP_MAGIC:
            self.check_header()
            self.member = isal_zlib.decompressobj(GZIP)
            return True
        if any(rest):
            raise ArchiveError(Reason.NOT_A_TARBALL, f"contents: {len(rest)} bytes behind the gzip")
        self.ended = True
        return False

    def check_header(self) -> None:
        """Raise ArchiveError if no gzip member begins here.

        ISA-L waits for a whole header before it checks it, and accepts reserved flags.
        """
        head = self.compressed[self.offset : self.offset + 4]
        if len(head) >= 2 and head[:2] != GZIP_MAGIC:
            raise bad_gzip("it has no header")
        if len(head) == 4 and (head[2] != DEFLATE or head[3] & RESERVED):
            raise bad_gzip("its header names an unknown method or flag")

    def take(self) -> bytes:
        """Return the next compressed piece."""
        piece = bytes(self.compressed[self.offset : self.offset + PIECE])
        self.offset += len(piece)
        return piece

    def count(self, size: int) -> None:
        """Raise ArchiveError if `size` more bytes exceed a limit."""
        self.expanded += size
        if self.expanded > self.limits.expanded:
            raise ArchiveError(
                Reason.ARCHIVE_TOO_LARGE,
                f"contents: over {self.limits.expanded} bytes when expanded",
            )
        ratio = self.expanded / max(1, len(self.compressed))
        if self.expanded > self.limits.ratio_from and ratio > self.limits.ratio:
            raise ArchiveError(
                Reason.EXPANSION_RATIO,
                f"contents: expand to over {self.limits.ratio} times their {len(self.compressed)}"
                " bytes",
            )


def bad_gzip(what: str) -> ArchiveError:
    """Return the error for a stream that is not gzip."""
    return ArchiveError(Reason.NOT_A_TARBALL, f"contents: bad gzip: {what}")


def parse_header(block: bytes) -> Header:
    """Read a header block. Raises ValueError if its checksum or a number is wrong."""
    if number(block[148:156]) != sum_of(block[:148] + BLANKED + block[156:]):
        raise ValueError("a header has a wrong checksum")
    path = text_field(block[:100])
    if block[257:263] == b"ustar\0" and (prefix := text_field(block[345:500])):
        path = prefix + b"/" + path
    kind = block[156:157]
    if kind == b"\0" and path.endswith(b"/"):
        kind = b"5"
    return Header(path, kind, number(block[124:136]))


def sum_of(block: bytes) -> int:
    """Add the bytes of a block: Adler-32 (RFC 1950) has 1 and their sum modulo 65,521 below.

    The sum of half a block stays below that; `sum` takes thirty times as long.
    """
    halves = block[: BLOCK // 2], block[BLOCK // 2 :]
    return sum((zlib.adler32(half) & 0xFFFF) - 1 for half in halves)


def text_field(field: bytes) -> bytes:
    """Return a field up to its first NUL."""
    return field.partition(b"\0")[0]


def number(field: bytes) -> int:
    """Read octal digits between blanks, or GNU's base 256. Raises ValueError."""
    if field[0] == 0x80 and int.from_bytes(field[1:]) < 2**63:
        return int.from_bytes(field[1:])
    digits = field.strip(b" \0")
    if not OCTAL.fullmatch(digits):
        raise ValueError("a header holds a malformed number")
    return int(digits or b"0", 8)


def extended(header: Header, extensions: dict[str, bytes]) -> Entry:
    """Return the entry of a header under its extensions. Raises ValueError."""
    path, size, kind = header.path, header.size, KINDS.get(header.type, EntryKind.SPECIAL)
    if extensions:
        path = extensions.get("path", path)
        told = extensions.get("size", b"%d" % size)
        if not re.fullmatch(rb"[0-9]{1,19}", told) or int(told) >= 2**63:
            raise ValueError("an extended header holds a malformed size")
        size = int(told)
        if any(key.startswith("GNU.sparse.") for key in extensions):
            kind = EntryKind.SPECIAL
    return Entry(decoded(path), kind, 0 if header.type in WITHOUT_DATA else size)


def decoded(path: bytes) -> str:
    """Return a path as text: UTF-8, or latin-1 if it is not valid UTF-8."""
    try:
        return path.decode()
    except UnicodeDecodeError:
        return path.decode("latin-1")


def pax_records(data: bytes) -> dict[str, bytes]:
    """Read `LENGTH KEY=VALUE` lines, the length counting itself. Raises ValueError."""
    records, start = {}, 0
    while start < len(data):
        length = RECORD_LENGTH.match(data, start)
        end = start + int(length[1]) if length else 0
        if length is None or data[end - 1 : end] != b"\n":
            raise ValueError("a malformed extended header")
        key, equals, value = data[length.end() : end - 1].partition(b"=")
        if not equals:
            raise ValueError("a malformed extended header")
        if value:
            records[key.decode("latin-1")] = value
        start = end
    return records


def long_path(data: bytes) -> dict[str, bytes]:
    """Read GNU's long name."""
    return {"path": text_field(data)}


def nothing(_: bytes) -> dict[str, bytes]:
    """Skip headers that do not describe a file: global records and names of link targets."""
    return {}


EXTENSIONS: dict[bytes, Callable[[bytes], dict[str, bytes]]] = {
    b"x": pax_records,
    b"g": nothing,
    b"L": long_path,
    b"K": nothing,
}
