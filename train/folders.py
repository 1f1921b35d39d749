"""Folders that are either whole or absent."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from corpus.atomic import flush_to_disk, is_temporary


@contextmanager
def whole_folder(path: Path, *, replaces: bool = False) -> Iterator[Path]:
    """Yield an empty folder beside `path`; rename it to `path` on success, else remove it.

    What stands at `path` gives way if `replaces` is set; else it must be empty or absent. Raises
    OSError as it comes, and nothing has changed then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"))
    try:
        yield temporary
        _flush(temporary)
        temporary.chmod(0o755)
        if replaces and path.exists():
            remove_folder(path)
        temporary.replace(path)
        flush_folder(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_folder(path: Path) -> None:
    """Take the name away first: a folder half removed must not look like a whole one."""
    doomed = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"))
    path.rename(doomed / path.name)
    shutil.rmtree(doomed)


def sweep(folder: Path) -> None:
    """Remove the files and folders that a killed run left half written."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if not is_temporary(path.name):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def flush_folder(path: Path) -> None:
    """Force a folder's list of names to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            flush_to_disk(path)
    for path in (*(each for each in folder.rglob("*") if each.is_dir()), folder):
        flush_folder(path)
