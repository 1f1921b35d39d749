"""Folders that are either whole or absent."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from corpus.atomic import flush_to_disk


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside `path`; rename it to `path` on success, else remove it.

    Raises OSError as it comes; what stands at `path` must be empty or absent, and stays so then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"))
    try:
        yield temporary
        _flush(temporary)
        temporary.chmod(0o755)
        temporary.replace(path)
        flush_folder(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


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
