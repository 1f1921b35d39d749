"""Files and folders that are complete or absent: a killed run leaves nothing incomplete."""

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPORARY = re.compile(r"\..+\.[a-z0-9_]{8}\.tmp")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; rename it to `path` on success, else remove it.

    Raises OSError (for example on a full disk); then `path` is unchanged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        flush_to_disk(temporary)
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path, *, replaces: bool = False) -> Iterator[Path]:
    """Yield an empty folder beside `path`; rename it to `path` on success, else remove it.

    An existing `path` is replaced if `replaces` is set; else it must be empty or absent. Raises
    OSError; then nothing has changed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"))
    try:
        yield temporary
        temporary.chmod(0o755)
        publish_folder(temporary, path, replaces=replaces)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def publish_folder(folder: Path, path: Path, *, replaces: bool = False) -> None:
    """Flush a folder to the disk, then rename it; `replaces` as for `whole_folder`.

    Raises OSError.
    """
    for inside in folder.rglob("*"):
        if inside.is_dir():
            flush_to_disk(inside)
        elif inside.is_file():
            inside.chmod(0o644)
            flush_to_disk(inside)
    flush_to_disk(folder)
    if replaces and path.exists():
        remove_folder(path)
    folder.replace(path)
    flush_to_disk(path.parent)


def remove_folder(path: Path) -> None:
    """Rename the folder before its removal: a partly removed folder must not look complete."""
    doomed = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"))
    path.rename(doomed / path.name)
    shutil.rmtree(doomed)


def sweep(folder: Path) -> None:
    """Remove the incomplete files and folders of a killed run in a folder."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if not is_temporary(path.name):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def is_temporary(name: str) -> bool:
    """Return whether a file or folder has the temporary name of a killed run."""
    return TEMPORARY.fullmatch(name) is not None


def flush_to_disk(path: Path) -> None:
    """Flush a file's bytes, or a folder's list of names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path`, completely or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: object) -> None:
    """Write `value` as canonical JSON, completely or not at all."""
    write_bytes(path, canonical_json(value))


def canonical_json(value: object) -> bytes:
    """Serialise so that equal values give equal bytes: sorted keys, UTF-8, a final newline."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, indent=2, allow_nan=False)
    return text.encode() + b"\n"


def sha256_file(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
