"""One crawl at a time writes to an archive store."""

import fcntl
from pathlib import Path
from typing import IO

from corpus.errors import CorpusError


class StoreInUse(CorpusError):
    """Another crawl writes to this store."""


def lock(store: Path) -> IO[bytes]:
    """Claim a store until the returned file is closed, at the latest when the process ends.

    Raises StoreInUse and OSError.
    """
    store.mkdir(parents=True, exist_ok=True)
    file = (store / "crawl.lock").open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise StoreInUse(
            f"{store}: another crawl is writing to this store. Wait for it to end, or set "
            "ARCHIVE_STORE to another folder."
        ) from error
    return file
