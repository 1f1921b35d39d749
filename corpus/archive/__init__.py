"""Reads package archives in memory, under limits, and writes nothing anywhere."""

from corpus.archive.hexpm import HexTarball, Member, open_hex_tarball
from corpus.archive.limits import ArchiveError, ArchiveLimits
from corpus.archive.metadata import HexMetadata

__all__ = [
    "ArchiveError",
    "ArchiveLimits",
    "HexMetadata",
    "HexTarball",
    "Member",
    "open_hex_tarball",
]
