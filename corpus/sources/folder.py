"""Adding a folder on disk to the store as an archive of the content of its files.

The archive is a tar with names and bytes and nothing else: no times, owners or modes, in order of
the names. Therefore the same files always give the same archive. `mix.exs` is code and is not run;
licences come from the files.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from corpus.errors import CorpusError
from corpus.locking import claim
from corpus.packages import Link
from corpus.places import is_remote
from corpus.reasons import Reason, Reject, RejectedFile, Stage
from corpus.sources.members import printable, unsafe
from corpus.sources.opening import FOLDER, source_named
from corpus.sources.tar import (
    DEFAULT_LIMITS,
    ArchiveError,
    ArchiveLimits,
    Entry,
    EntryKind,
    write_tar,
)
from corpus.store import Archive, ArchiveStore, refuse_above_a_store
from corpus.untrusted import check_text

NOT_ENTERED = frozenset({".git", ".hg", ".svn", "_build", "deps", "node_modules"})
"""Folders of files that tools generated or fetched."""
LONGEST_URL = 2_000
"""Characters."""


class UnusableFolder(CorpusError):
    """A folder cannot become an archive."""


@dataclass(frozen=True, slots=True)
class PackedFolder:
    """A folder as an archive; `left_out` has the files that are not in it, each with its reason."""

    body: bytes
    files: int
    left_out: tuple[RejectedFile, ...]


def add_folder(
    store: ArchiveStore,
    folder: Path,
    *,
    name: str,
    version: str,
    url: str | None = None,
    limits: ArchiveLimits = DEFAULT_LIMITS,
) -> tuple[Archive, PackedFolder]:
    """Store the files of a folder as an archive; return its row and what was packed.

    `name` is NAME or OWNER/NAME; `url` is the public address of the folder. If the same archive is
    stored already, nothing changes; otherwise the archive supersedes the one of this version.
    Raises UnusableFolder, StoreBelow, FolderInUse while a crawl writes to the store, UnsafeName and
    OSError.
    """
    if url is not None:
        _check_url(url)
    packed = pack_folder(folder, limits)
    digest = hashlib.sha256(packed.body).hexdigest()
    if is_remote(store.root):
        raise UnusableFolder(
            f"nothing can be added to {store.root}. Add it to a store on this machine, and copy "
            f"that: `python -m corpus copy-archives STORE {store.root}`."
        )
    refuse_above_a_store(store.root)
    with claim(store.root, "crawl"):
        stored = store.get(FOLDER, name, version)
        is_same = stored is not None and stored.sha256 == digest
        archive = Archive(
            source=FOLDER,
            name=name,
            version=version,
            url=url or f"{FOLDER}:{name}",
            sha256=digest,
            bytes=len(packed.body),
            licenses=(),
            requirements=(),
            links=(Link("Repository", url),) if url else (),
            published_at=None,
            retirement=None,
            advisories=(),
            fetched_at=stored.fetched_at if stored and is_same else _now(),
        )
        store.put(archive, packed.body)
    return archive, packed


def pack_folder(folder: Path, limits: ArchiveLimits = DEFAULT_LIMITS) -> PackedFolder:
    """Return the files below a folder as an archive; the same files give the same bytes.

    Folders in NOT_ENTERED are skipped without a record. Links, special files and files that are too
    large or have an unsafe name are left out. Raises UnusableFolder and OSError.
    """
    if not folder.is_dir():
        raise UnusableFolder(f"{folder}: not a folder. Give the folder of a checkout.")
    files: list[tuple[str, bytes]] = []
    left_out: list[RejectedFile] = []
    size = 0
    for path, place in sorted(_files_below(folder)):
        found = _read(path, place, limits)
        if isinstance(found, RejectedFile):
            left_out.append(found)
            continue
        files.append((path, found))
        size += len(found)
        if len(files) > limits.files or size > limits.expanded:
            raise _too_large(folder, f"more than {limits.files} files or {limits.expanded} bytes")
    if not files:
        raise UnusableFolder(f"{folder}: no file below it. Give the folder of a checkout.")
    body = write_tar((Entry(path, EntryKind.FILE, len(data)), data) for path, data in files)
    try:
        source_named(FOLDER).open(body, limits)
    except ArchiveError as error:
        raise _too_large(folder, str(error)) from error
    return PackedFolder(body, len(files), tuple(left_out))


def _files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield all entries except folders by relative path; a link to a folder counts as a link."""

    def fail(error: OSError) -> None:
        raise error

    for top, folders, names in os.walk(folder, onerror=fail):
        links = [name for name in folders if Path(top, name).is_symlink()]
        folders[:] = [name for name in folders if name not in NOT_ENTERED and name not in links]
        for name in (*names, *links):
            place = Path(top, name)
            yield place.relative_to(folder).as_posix(), place


def _read(path: str, place: Path, limits: ArchiveLimits) -> bytes | RejectedFile:
    """Return the bytes of a file, or why it is left out.

    Links are not followed, and reading does not block on a pipe.
    """
    try:
        path.encode()
    except UnicodeEncodeError:
        shown = os.fsencode(path).decode("latin-1")
        return _left_out(shown, 0, limits, Reason.UNSAFE_PATH, "a name that is not UTF-8")
    if refusal := unsafe(path, limits):
        return RejectedFile(printable(path, limits), 0, None, refusal)
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            return _left_out(path, 0, limits, Reason.LINK, "a symbolic link")
        if error.errno == errno.ENXIO:
            return _left_out(path, 0, limits, Reason.SPECIAL_FILE, "a socket or device")
        raise
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return _left_out(path, 0, limits, Reason.SPECIAL_FILE, "no regular file")
        if found.st_size > limits.file:
            detail = f"{found.st_size} bytes, over {limits.file}"
            return _left_out(path, found.st_size, limits, Reason.OVERSIZED, detail)
        return file.read(limits.file)


def _left_out(
    path: str, size: int, limits: ArchiveLimits, reason: Reason, detail: str
) -> RejectedFile:
    reject = Reject(Stage.UNPACK, reason, detail)
    return RejectedFile(printable(path, limits), size, None, reject)


def _too_large(folder: Path, what: str) -> UnusableFolder:
    return UnusableFolder(
        f"{folder}: {what}. Remove from it what is no source code, or add the folders of its "
        "applications one by one."
    )


def _check_url(url: str) -> None:
    try:
        check_text(url)
    except ValueError as error:
        raise UnusableFolder(f"--url: {error}") from error
    if not url.startswith(("https://", "http://")) or " " in url or len(url) > LONGEST_URL:
        raise UnusableFolder(
            f"--url: {url!r} is no address. Give the one where others find the same files, "
            "https://..., or none."
        )


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
