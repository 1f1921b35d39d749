"""Sources by name: the `source` of an archive's row determines the class that opens it.

A new source is a class with a method `open` and an entry in SOURCES; later steps see members only.
"""

import io
from collections.abc import Mapping
from typing import Protocol

from corpus.errors import CorpusError
from corpus.reasons import Reason
from corpus.sources.github import GITHUB, GitHub
from corpus.sources.hexpm import HEX, Hex
from corpus.sources.members import Contents, members_of
from corpus.sources.tar import ArchiveError, ArchiveLimits, TarReader

FOLDER = "folder"
"""The `source` of archives that were made from a folder."""


class Source(Protocol):
    """Opens the archives of one origin."""

    def open(self, body: bytes, limits: ArchiveLimits) -> Contents:
        """Return the contents of an archive. Raises ArchiveError if it is rejected as a whole."""


class Folder:
    """Archives that `corpus.sources.folder` made: a tar of names and bytes."""

    def open(self, body: bytes, limits: ArchiveLimits) -> Contents:
        """Return the files; such an archive has no metadata. Raises ArchiveError."""
        if len(body) > limits.expanded:
            detail = f"{len(body)} bytes, over {limits.expanded}"
            raise ArchiveError(Reason.ARCHIVE_TOO_LARGE, detail)
        reader = TarReader(io.BytesIO(body), name="archive", headers=limits.files)
        return Contents(members_of(reader, limits))


SOURCES: Mapping[str, Source] = {HEX: Hex(), FOLDER: Folder(), GITHUB: GitHub()}


class UnknownSource(CorpusError):
    """An archive has an unknown source."""

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
