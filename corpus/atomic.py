"""Files and folders that are complete or absent: a killed run leaves nothing incomplete.

On this machine a file or folder is written beside its place and renamed. At a URL
(`corpus.places`) a file is written on this machine and uploaded, which is atomic; of a folder the
file that makes it complete is uploaded last.
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from corpus.places import (
    explained,
    files_below,
    filesystem,
    is_remote,
    key,
    put_bytes,
    scratch,
    upload,
)

TEMPORARY = re.compile(r"\..+\.[a-z0-9_]{8}\.tmp")
COMPLETE = ".complete"
"""The empty file that a folder at a URL gets last."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; rename it to `path` on success, else remove it.

    For a URL it is on this machine, and is uploaded. Raises OSError (for example on a full disk),
    and what `upload` does; then `path` is unchanged.
    """
    if is_remote(path):
        with scratch() as folder:
            temporary = folder / path.name
            temporary.touch()
            yield temporary
            upload(temporary, path)
        return
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

    An existing `path` is replaced if `replaces` is set; else it must be empty or absent. For a URL
    the folder is on this machine, and is uploaded. Raises OSError; then nothing has changed.
    """
    if is_remote(path):
        with scratch() as folder:
            inside = folder / path.name
            inside.mkdir()
            yield inside
            publish_folder(inside, path, replaces=replaces)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"))
    try:
        yield temporary
        temporary.chmod(0o755)
        publish_folder(temporary, path, replaces=replaces)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def publish_folder(
    folder: Path, path: Path, *, replaces: bool = False, last: str = COMPLETE
) -> None:
    """Flush a folder to the disk, then rename it; `replaces` as for `whole_folder`.

    To a URL its files are copied, `last` after all others: without that file the folder counts as
    incomplete. Other files there are removed, and a remote `folder` afterwards. Raises OSError, and
    what `upload` does.
    """
    if is_remote(path):
        _copy_folder(folder, path, last)
        if is_remote(folder):
            remove_folder(folder)
        return
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


def _copy_folder(folder: Path, path: Path, last: str) -> None:
    files = {inside.relative_to(folder).as_posix(): inside for inside in files_below(folder)}
    there = {inside.relative_to(path).as_posix(): inside for inside in files_below(path)}
    _remove(inside for name, inside in there.items() if name == last or name not in files)
    for name in sorted(files, key=lambda name: (name == last, name)):
        if is_remote(folder):
            with explained(path):
                filesystem(path).cp_file(key(files[name]), key(path / name))
        else:
            upload(files[name], path / name)
    if last not in files:
        write_bytes(path / last, b"")


def _remove(files: Iterable[Path]) -> None:
    """Remove objects of one store, a thousand with each request."""
    if listed := list(files):
        with explained(listed[0]):
            filesystem(listed[0]).rm(list(map(key, listed)))


def is_complete(folder: Path, last: str = COMPLETE) -> bool:
    """Return whether a folder was written by `whole_folder`, or with `last` by `publish_folder`."""
    return (folder / last).exists() if is_remote(folder) else folder.exists()


def make_folder(path: Path) -> None:
    """Make a folder with those above it; at a URL there are none."""
    if not is_remote(path):
        path.mkdir(parents=True, exist_ok=True)


def remove_folder(path: Path) -> None:
    """Rename the folder before its removal: a partly removed folder must not look complete.

    At a URL the files that make a folder complete are removed first.
    """
    if is_remote(path):
        files = files_below(path)
        firsts = {file for file in files if file.parent == path and _completes(file.name)}
        _remove(firsts)
        _remove(file for file in files if file not in firsts)
        return
    doomed = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"))
    path.rename(doomed / path.name)
    shutil.rmtree(doomed)


def _completes(name: str) -> bool:
    return name == COMPLETE or name.endswith(".json")


def erase(folder: Path) -> None:
    """Remove a folder where it stands, if it is there; nothing may rely on it meanwhile."""
    if is_remote(folder):
        remove_folder(folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)


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
    if is_remote(path):
        put_bytes(path, data)
        return
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
