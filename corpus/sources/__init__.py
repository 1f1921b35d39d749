"""Archives by their source: opened in memory, under limits, to files with safe names."""

from corpus.sources.github import GITHUB, Snapshot, snapshot
from corpus.sources.hexpm import HEX, HexMetadata, HexTarball, open_hex_tarball
from corpus.sources.members import Contents, Member
from corpus.sources.opening import FOLDER, SOURCES, Source, UnknownSource, source_named
from corpus.sources.tar import ArchiveError, ArchiveLimits

__all__ = [
    "FOLDER",
    "GITHUB",
    "HEX",
    "SOURCES",
    "ArchiveError",
    "ArchiveLimits",
    "Contents",
    "HexMetadata",
    "HexTarball",
    "Member",
    "Snapshot",
    "Source",
    "UnknownSource",
    "open_hex_tarball",
    "snapshot",
    "source_named",
]
