"""One writer at a time in a folder."""

import fcntl
import time
from pathlib import Path
from typing import IO

from corpus.errors import CorpusError
from corpus.places import local_name

WAIT_SECONDS = 2.0
"""How long a claim waits: a program that a killed process was just starting holds its lock until
it runs."""


class FolderInUse(CorpusError):
    """Another process is writing to the folder."""

    def __init__(self, folder: Path, writer: str) -> None:
        super().__init__(
            f"{folder}: another {writer} is writing here. Wait until it ends, or use another "
            "folder."
        )


def claim(folder: Path, writer: str) -> IO[bytes]:
    """Claim a folder until the returned file is closed, at the latest when the process ends.

    Of a URL only the processes of this machine are excluded, because object stores have no locks.
    `writer` is the kind of process ("crawl", "build"); different kinds do not exclude each other.
    Raises FolderInUse and OSError.
    """
    held = local_name(folder)
    held.mkdir(parents=True, exist_ok=True)
    file = (held / f"{writer}.lock").open("ab")
    ends = time.monotonic() + WAIT_SECONDS
    while not _locked(file):
        if time.monotonic() > ends:
            file.close()
            raise FolderInUse(folder, writer)
        time.sleep(0.05)
    return file


def _locked(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
