"""The archive store: unchanged archives, each with an index row."""

from corpus.packages import Advisory, Downloads, HostedRepository, Link, Requirement
from corpus.store.archives import (
    ArchiveStore,
    StoreBelow,
    UnsafeName,
    refuse_above_a_store,
    store_near,
)
from corpus.store.rows import (
    Archive,
    DamagedArchive,
    DamagedRow,
    RejectedArchive,
    StoreError,
    check_body,
    row_of_reject,
)
from corpus.untrusted import LONGEST_NAME

__all__ = [
    "LONGEST_NAME",
    "Advisory",
    "Archive",
    "ArchiveStore",
    "DamagedArchive",
    "DamagedRow",
    "Downloads",
    "HostedRepository",
    "Link",
    "RejectedArchive",
    "Requirement",
    "StoreBelow",
    "StoreError",
    "UnsafeName",
    "check_body",
    "refuse_above_a_store",
    "row_of_reject",
    "store_near",
]
