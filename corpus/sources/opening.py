"""Sources by name: the `source` of an archive's row decides who opens the archive.

A new source is a class with `open` and an entry in SOURCES; what comes after it sees members only.
"""

from collections.abc import Mapping
from typing import Protocol

from corpus.errors import CorpusError
from corpus.sources.folder import FOLDER, Folder
from corpus.sources.hexpm import HEX, Hex
from corpus.sources.limits import ArchiveLimits
from corpus.sources.members import Contents


class Source(Protocol):
    """Knows the format of the archives that come from one kind of place."""

    def open(self, body: bytes, limits: ArchiveLimits) -> Contents:
        """Return what an archive holds. Raises ArchiveError; then all of it is to be rejected."""


SOURCES: Mapping[str, Source] = {HEX: Hex(), FOLDER: Folder()}


class UnknownSource(CorpusError):
    """An archive comes from a source that this version does not know."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"an archive of the store comes from the source {name!r}, and this version opens only "
            f"{', '.join(SOURCES)}. Update elixir-corpus, or move those archives out of the store."
        )


def source_named(name: str) -> Source:
    """Return the source that opens archives whose row has this `source`. Raises UnknownSource."""
    if name not in SOURCES:
        raise UnknownSource(name)
    return SOURCES[name]
