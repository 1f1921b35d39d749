"""Archives of GitHub repositories: made canonical for the store, and opened.

GitHub packs a commit again for each request, and the bytes of its archives are not stable: its
compression has changed before, and with it the checksums of all archives. Therefore the store holds
a tar of the same files in the order of their paths, without compression, times, owners, modes and
the enclosing folder. It depends on the files of the commit only, so every crawl of the same commit
gives the same archive, the same digest and the same document ids.

Links and submodules are kept as entries without data; git archives submodules as empty folders, and
no other folder is empty. The target of a link is not kept.
"""

import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from corpus.identifiers import swhid
from corpus.reasons import Reason, Reject, RejectedFile, Stage
from corpus.sources.members import Contents, Member, members_of, printable, unsafe
from corpus.sources.tar import (
    BLOCK,
    DEFAULT_LIMITS,
    LONGEST_EXTENSION,
    ArchiveError,
    ArchiveLimits,
    Entry,
    EntryKind,
    Inflater,
    Stream,
    TarReader,
    parse_header,
    pax_records,
    write_tar,
)

GITHUB = "github"
"""The `source` of archives of repositories on GitHub; their version is the commit."""
GLOBAL = b"g"
"""Type flag of a global pax header; git writes the commit id into one (git-archive(1))."""
POINTER = b"version https://git-lfs.github.com/spec/v1\n"
"""First line of a Git LFS pointer file (git-lfs, docs/spec.md)."""
LONGEST_POINTER = 1024
"""A pointer file has fewer bytes than this (same specification)."""
POINTED_SIZE = re.compile(rb"^size ([0-9]{1,19})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The canonical archive of a commit."""

    body: bytes = field(repr=False)
    files: int

    @property
    def sha256(self) -> str:
        """The digest of the archive, which the store and document ids use."""
        return hashlib.sha256(self.body).hexdigest()


def snapshot(served: bytes, commit: str, limits: ArchiveLimits = DEFAULT_LIMITS) -> Snapshot:
    """Return the canonical archive of a `tar.gz` that GitHub served for a commit.

    Raises ArchiveError, also if its header names another commit, or if it has no file.
    """
    if not served:
        raise ArchiveError(Reason.TRUNCATED, "the file is empty")
    if len(served) > limits.compressed:
        detail = f"{len(served)} bytes, over {limits.compressed}"
        raise ArchiveError(Reason.ARCHIVE_TOO_LARGE, detail)
    told = commit_of(Inflater(served, limits))
    if told not in (None, commit):
        detail = f"an archive of the commit {told}, asked for was {commit}"
        raise ArchiveError(Reason.CHECKSUM_MISMATCH, detail)
    reader = TarReader(Inflater(served, limits), name="archive", headers=limits.files)
    entries = sorted(_unwrapped(reader), key=lambda each: each[0].path)
    files = sum(entry.kind is EntryKind.FILE for entry, _ in entries)
    kept = list(_without_parents(entries))
    if not kept:
        raise ArchiveError(Reason.EMPTY_ARCHIVE, "the commit has no file")
    body = write_tar(kept)
    if len(body) > limits.expanded:
        detail = f"{len(body)} bytes when expanded, over {limits.expanded}"
        raise ArchiveError(Reason.ARCHIVE_TOO_LARGE, detail)
    return Snapshot(body, files)


def commit_of(stream: Stream) -> str | None:
    """Return the commit id in the global header of an archive, None if there is none."""
    try:
        header = parse_header(stream.read(BLOCK))
        if header.type != GLOBAL or header.size > LONGEST_EXTENSION:
            return None
        comment = pax_records(stream.read(header.size)).get("comment", b"")
    except (ValueError, IndexError):
        return None
    return comment.decode("latin-1") or None


def _unwrapped(reader: TarReader) -> Iterator[tuple[Entry, bytes]]:
    """Yield the entries below the single top-level folder. Raises ArchiveError."""
    wrapper = None
    for entry in reader:
        top, slash, path = entry.path.partition("/")
        if not slash and entry.kind is not EntryKind.DIRECTORY:
            raise ArchiveError(Reason.NOT_A_TARBALL, "archive: a file outside of its folder")
        if wrapper not in (None, top):
            raise ArchiveError(Reason.NOT_A_TARBALL, "archive: more than one folder at the top")
        wrapper = top
        path = path.rstrip("/") if entry.kind is EntryKind.DIRECTORY else path
        if path or entry.kind is not EntryKind.DIRECTORY:
            data = reader.read() if entry.kind is EntryKind.FILE else b""
            yield Entry(path, entry.kind, len(data)), data


def _without_parents(entries: list[tuple[Entry, bytes]]) -> Iterator[tuple[Entry, bytes]]:
    """Yield all entries except folders that are not empty; git lists every folder."""
    parents = {entry.path.rpartition("/")[0] for entry, _ in entries}
    for entry, data in entries:
        if entry.kind is not EntryKind.DIRECTORY or entry.path not in parents:
            yield entry, data


class GitHub:
    """Archives that `snapshot` made."""

    def open(self, body: bytes, limits: ArchiveLimits) -> Contents:
        """Return the files; a repository declares no licence. Raises ArchiveError."""
        if len(body) > limits.expanded:
            detail = f"{len(body)} bytes, over {limits.expanded}"
            raise ArchiveError(Reason.ARCHIVE_TOO_LARGE, detail)
        reader = _WithFolders(io.BytesIO(body), name="archive", headers=limits.files)
        members = [_unless_pointer(each) for each in members_of(reader, limits)]
        return Contents([*members, *(_submodule(path, limits) for path in reader.folders)])


class _WithFolders(TarReader):
    """Records the folders, which are not members."""

    folders: list[str]

    def __iter__(self) -> Iterator[Entry]:
        self.folders = []
        for entry in super().__iter__():
            if entry.kind is EntryKind.DIRECTORY:
                self.folders.append(entry.path.rstrip("/"))
            yield entry


def _unless_pointer(member: Member | RejectedFile) -> Member | RejectedFile:
    """Return a member, or a reject if it is a Git LFS pointer."""
    if isinstance(member, RejectedFile) or not member.data.startswith(POINTER):
        return member
    size = POINTED_SIZE.search(member.data)
    if size is None or len(member.data) >= LONGEST_POINTER:
        return member
    detail = f"stands for {int(size[1])} bytes that Git LFS keeps elsewhere"
    content_id = hashlib.sha256(member.data).hexdigest()
    reject = Reject(Stage.UNPACK, Reason.LFS_POINTER, detail)
    own = swhid(member.data)
    return RejectedFile(member.path, len(member.data), content_id, reject, own)


def _submodule(path: str, limits: ArchiveLimits) -> RejectedFile:
    found = unsafe(path, limits) or Reject(
        Stage.UNPACK, Reason.SUBMODULE, "a commit of another repository, which is not fetched"
    )
    return RejectedFile(printable(path, limits), 0, None, found)
