"""Archives by their source: opened in memory, under limits, to files with safe names."""

from corpus.sources.folder import FOLDER, PackedFolder, UnusableFolder, add_folder, pack_folder
from corpus.sources.hexpm import HEX, HexMetadata, HexTarball, open_hex_tarball
from corpus.sources.limits import ArchiveError, ArchiveLimits
from corpus.sources.members import Contents, Member
from corpus.sources.opening import SOURCES, Source, UnknownSource, source_named

__all__ = [
    "FOLDER",
    "HEX",
    "SOURCES",
    "ArchiveError",
    "ArchiveLimits",
    "Contents",
    "HexMetadata",
    "HexTarball",
    "Member",
    "PackedFolder",
    "Source",
    "UnknownSource",
    "UnusableFolder",
    "add_folder",
    "open_hex_tarball",
    "pack_folder",
    "source_named",
]
