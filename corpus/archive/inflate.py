"""A gzip reader with a limit on what it expands."""

import zlib

from corpus.archive.limits import ArchiveError, ArchiveLimits
from corpus.reasons import Reason

PIECE = 64 * 1024
"""Bytes taken from the compressed side, and at most given to the expanded side, at a time."""
GZIP = 16 + zlib.MAX_WBITS
GZIP_MAGIC = b"\x1f\x8b"


class Inflater:
    """Expands a gzip file piece by piece; each `read` raises ArchiveError past a limit.

    Several gzip members one after another are one stream (RFC 1952, section 2.2), and zero bytes
    behind the last are padding. The checksum of each member is verified.
    """

    def __init__(self, compressed: bytes, limits: ArchiveLimits) -> None:
        self.compressed = memoryview(compressed)
        self.limits = limits
        self.offset = 0
        self.expanded = 0
        self.buffer = bytearray()
        self.ended = False
        self.member = zlib.decompressobj(GZIP)

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
            except zlib.error as error:
                raise ArchiveError(Reason.NOT_A_TARBALL, f"contents: bad gzip: {error}") from error
            if piece:
                self.count(len(piece))
                return piece
            if not waiting and not self.member.eof:
                raise ArchiveError(Reason.TRUNCATED, "contents: the gzip stream ends too early")
        return b""

    def begin_member(self) -> bool:
        """Go on to the next gzip member if this one has ended; is there anything left to expand?"""
        if self.ended or not self.member.eof:
            return not self.ended
        self.offset -= len(self.member.unused_data)
        rest = self.compressed[self.offset :]
        if rest[:2] == GZIP_MAGIC:
            self.member = zlib.decompressobj(GZIP)
            return True
        if any(rest):
            raise ArchiveError(Reason.NOT_A_TARBALL, f"contents: {len(rest)} bytes behind the gzip")
        self.ended = True
        return False

    def take(self) -> bytes:
        """Return the next compressed piece."""
        piece = bytes(self.compressed[self.offset : self.offset + PIECE])
        self.offset += len(piece)
        return piece

    def count(self, size: int) -> None:
        """Raise ArchiveError if `size` more bytes are too many."""
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
