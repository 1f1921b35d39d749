"""Where archives lie, unchanged, with an index row each."""

from corpus.packages import Advisory, Downloads, Link, Requirement
from corpus.store.archives import (
    ArchiveStore,
    DamagedArchive,
    UnsafeName,
    check_body,
    store_near,
)
from corpus.store.rows import Archive, DamagedRow, RejectedArchive, StoreError, row_of_reject
from corpus.untrusted import LONGEST_NAME

__all__ = [
    "LONGEST_NAME",
    "Advisory",
    "Archive",
    "ArchiveStore",
    "DamagedArchive",
    "DamagedRow",
    "Downloads",
    "Link",
    "RejectedArchive",
    "Requirement",
    "StoreError",
    "UnsafeName",
    "check_body",
    "row_of_reject",
    "store_near",
]
