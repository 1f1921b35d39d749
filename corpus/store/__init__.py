"""Where archives lie, unchanged, with an index row each."""

from corpus.packages import Advisory, Downloads, Link, Requirement
from corpus.store.archives import (
    ArchiveStore,
    DamagedArchive,
    UnsafeName,
    check_body,
    store_near,
)
from corpus.store.rows import Archive, ArchiveReject, DamagedRow, StoreError
from corpus.untrusted import LONGEST_NAME

__all__ = [
    "LONGEST_NAME",
    "Advisory",
    "Archive",
    "ArchiveReject",
    "ArchiveStore",
    "DamagedArchive",
    "DamagedRow",
    "Downloads",
    "Link",
    "Requirement",
    "StoreError",
    "UnsafeName",
    "check_body",
    "store_near",
]
