"""Where archives lie, unchanged, with an index row each."""

from corpus.packages import Link, Requirement
from corpus.store.archives import (
    LONGEST_NAME,
    ArchiveStore,
    DamagedArchive,
    UnsafeName,
    check_body,
)
from corpus.store.rows import Archive, ArchiveReject, DamagedRow, StoreError

__all__ = [
    "LONGEST_NAME",
    "Archive",
    "ArchiveReject",
    "ArchiveStore",
    "DamagedArchive",
    "DamagedRow",
    "Link",
    "Requirement",
    "StoreError",
    "UnsafeName",
    "check_body",
]
