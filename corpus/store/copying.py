"""Copying a store to a URL, where a crawl cannot write.

Archives are uploaded before the rows that name them, and all rows are one object, which is replaced
as a whole. An interrupted copy is therefore a store of fewer archives, and the next one uploads
what is missing.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from corpus.atomic import canonical_json
from corpus.places import files_below, is_remote, put_bytes, refuse_the_hub
from corpus.progress import Progress, tracked
from corpus.store.archives import ArchiveStore
from corpus.store.index import Index, Key
from corpus.store.rows import (
    Archive,
    RejectedArchive,
    StoreError,
    difference,
    row_of,
    row_of_reject,
)

UPLOADS: Final = 16
"""Archives that are uploaded at once."""
ROWS_EVERY: Final = 500
"""Archives after which their rows are written, so that an interrupted copy repeats no more."""


class NoCopy(StoreError):
    """The store cannot be copied there."""


@dataclass(frozen=True, slots=True)
class Copied:
    """Numbers of archives: uploaded, there before, and left out because they are damaged here."""

    uploaded: int
    there: int
    damaged: tuple[Archive, ...]


def copy_store(source: ArchiveStore, url: str | Path, progress: Progress) -> Copied:
    """Make the store at a URL one of the same archives, rejects, superseded archives and tags.

    An archive that differs from its row is not uploaded; its row is, so that a build of the copy
    refuses it too. Archives that the copy had besides are no longer named. Raises NoCopy for a
    folder of this machine, for an empty source, and for a URL with another store; PlaceError for
    the Hub; DamagedRow, OSError, and what uploading does.
    """
    copy = ArchiveStore(url)
    if not is_remote(copy.root):
        raise NoCopy(f"{copy.root} is a folder of this machine: copy the store with `cp -r`.")
    refuse_the_hub(copy.root)
    rows = {_key(each): each for each in source.archives()}
    if not rows:
        raise NoCopy(f"{source.root}: there are no archives to copy.")
    before = {_key(each): each for each in copy.archives()}
    if before and not before.keys() & rows.keys():
        raise NoCopy(
            f"{copy.root} is a store of other archives, and none of them is in {source.root}. "
            "Nothing was copied; give a URL without a store."
        )
    files = set(files_below(copy.root / "archives"))
    missing = [
        archive
        for key, archive in rows.items()
        if key not in before
        or before[key].sha256 != archive.sha256
        or copy.path(archive) not in files
    ]
    damaged = _upload(source, copy, rows, before, missing, progress)
    _copy_beside(source, copy, "superseded", source.superseded())
    _copy_beside(source, copy, "tags", source.tags())
    rejects = ((_key(each), row_of_reject(each)) for each in source.rejects())
    Index(copy.root, "rejects").replace(rejects)
    _write_rows(copy, rows)
    uploaded = len(missing) - len(damaged)
    return Copied(uploaded, len(rows) - len(missing), tuple(damaged))


def _upload(
    source: ArchiveStore,
    copy: ArchiveStore,
    rows: Mapping[Key, Archive],
    before: Mapping[Key, Archive],
    missing: list[Archive],
    progress: Progress,
) -> list[Archive]:
    """Upload archives and, now and then, rows; return those that differ from their row."""
    waiting = set(map(_key, missing))
    done = {key: rows[key] for key in before.keys() & rows.keys() - waiting}
    damaged = []
    pool = ThreadPoolExecutor(UPLOADS)
    try:
        results = zip(missing, pool.map(partial(_put, source, copy), missing), strict=True)
        tracked_results = tracked(progress, "upload archives", len(missing), results)
        for number, (archive, is_whole) in enumerate(tracked_results, start=1):
            done[_key(archive)] = archive
            if not is_whole:
                damaged.append(archive)
            if number % ROWS_EVERY == 0:
                _write_rows(copy, done)
    finally:
        pool.shutdown(cancel_futures=True)
    return damaged


def _put(source: ArchiveStore, copy: ArchiveStore, archive: Archive) -> bool:
    """Upload an archive if it is as its row says; return whether it is."""
    try:
        body = source.path(archive).read_bytes()
    except FileNotFoundError:
        return False
    if difference(archive, body) is not None:
        return False
    put_bytes(copy.path(archive), body)
    return True


def _copy_beside(
    source: ArchiveStore, copy: ArchiveStore, folder: str, archives: list[Archive]
) -> None:
    """Upload archives whose names say what they hold; the row is written last."""
    there = set(files_below(copy.root / folder))
    for archive in archives:
        body = copy.path(archive)
        row = body.with_suffix(".json")
        if row not in there and _put(source, copy, archive):
            put_bytes(row, canonical_json(row_of(archive)))


def _write_rows(copy: ArchiveStore, rows: Mapping[Key, Archive]) -> None:
    index = Index(copy.root, "archives")
    index.replace((key, row_of(archive)) for key, archive in rows.items())


def _key(row: Archive | RejectedArchive) -> Key:
    return row.source, row.name, row.version
