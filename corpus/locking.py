"""One writer at a time in a folder: a lock on this machine, and at a URL a lease among machines.

A lease is an object that names its holder. The holder writes it again while it works, and one that
was not written for some minutes is forgotten, as after a kill. Those who share the lock on this
machine know by it that an earlier holder has ended, and need not wait.
"""

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import IO, Final
from uuid import uuid4

from corpus.errors import CorpusError
from corpus.places import explained, filesystem, is_remote, key, local_name

WAIT_SECONDS = 2.0
"""How long a claim waits: a program that a killed process was just starting holds its lock until
it runs."""
RENEW_SECONDS: Final = 30.0
FORGOTTEN_SECONDS: Final = 240.0
"""A lease that was not renewed for so long is nobody's. Clocks may differ by some of it."""
LEASE: Final = ".{writer}.lease"
OWNER: Final = "lease-owner"
"""The file beside a lock on this machine that names those who share it."""


class FolderInUse(CorpusError):
    """Another process is writing to the folder."""

    def __init__(self, folder: Path, writer: str, holder: str | None = None) -> None:
        told = f" ({holder})" if holder else ""
        later = (
            f" One that was killed on another machine is forgotten after {FORGOTTEN_SECONDS:.0f} s."
            if holder
            else ""
        )
        super().__init__(
            f"{folder}: another {writer} is writing here{told}. Wait until it ends, or use another "
            f"folder.{later}"
        )


def claim(folder: Path, writer: str) -> IO[bytes]:
    """Claim a folder until the returned file is closed, at the latest when the process ends.

    Of a URL only the processes of this machine are excluded; `leased` excludes others. `writer` is
    the kind of process ("crawl", "build"); different kinds do not exclude each other. Raises
    FolderInUse and OSError.
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


@contextmanager
def leased(folder: Path, writer: str) -> Iterator[None]:
    """Exclude the same writer on other machines from a URL until the block ends.

    Of a folder of this machine nobody is excluded; `claim` does that. Raises FolderInUse, and what
    `explained` does.
    """
    if not is_remote(folder):
        yield
        return
    try:
        lock = claim(folder, f"{writer}-lease")
    except FolderInUse as error:
        raise FolderInUse(folder, writer) from error
    with lock:
        yield from _leased(folder, writer)


def _leased(folder: Path, writer: str) -> Iterator[None]:
    owner = _owner(local_name(folder))
    place, me = folder / LEASE.format(writer=writer), uuid4().hex
    store, name = filesystem(folder), key(place)

    def write(mode: str) -> None:
        told = {"id": me, "owner": owner, "host": socket.gethostname(), "process": os.getpid()}
        data = json.dumps(told | {"at": time.time()}).encode()
        with explained(folder):
            store.pipe_file(name, data, mode=mode)

    holder = _read(place)
    at = holder.get("at")
    age = time.time() - (at if isinstance(at, float) else 0.0)
    is_others = bool(holder) and holder.get("owner") != owner
    if is_others and age < FORGOTTEN_SECONDS:
        said = f"on {holder.get('host')}, process {holder.get('process')}, {max(0, age):.0f} s ago"
        raise FolderInUse(folder, writer, said)
    with suppress(FileExistsError):  # by another, or by this process if its request was repeated
        write("overwrite" if holder else "create")
    if is_others:
        time.sleep(1.0)  # of two that find a forgotten lease, the one that wrote last has it
    if _read(place).get("id") != me:
        raise FolderInUse(folder, writer, "it began at the same time")
    done = Event()

    def renew() -> None:
        while not done.wait(RENEW_SECONDS):
            with suppress(Exception):  # the build tells what is wrong with the store
                write("overwrite")

    thread = Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        with suppress(Exception):  # it is forgotten after a while
            if _read(place).get("id") == me:
                store.rm_file(name)


def _locked(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner(held: Path) -> str:
    """Return the name of all who share a lock on this machine; its holder calls this."""
    path = held / OWNER
    if not path.exists():
        path.write_text(uuid4().hex)
    return path.read_text()


def _read(place: Path) -> dict[str, object]:
    """Read a lease; nothing for one that is gone or unreadable."""
    try:
        told = json.loads(place.read_bytes())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
