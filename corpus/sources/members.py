"""The files of an archive: which of them are members, and their normalized paths."""

import re
import unicodedata
from dataclasses import dataclass

from corpus.reasons import Reason, Reject, RejectedFile, Stage
from corpus.sources.tar import ArchiveLimits, Entry, EntryKind, TarReader

LATER = Reject(Stage.UNPACK, Reason.DUPLICATE_MEMBER, "the archive has a later member of this name")
INVISIBLE = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
"""Unicode categories of characters that are invisible or reorder the text around them."""
NAMELESS = "<no name>"
"""Replaces an empty path, because an empty path in a table means the whole archive."""
DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive; `path` is relative, safe and has no empty or `.` parts."""

    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Contents:
    """The members of an archive in its order, and its own metadata."""

    members: list[Member | RejectedFile]
    licenses: tuple[str, ...] = ()
    """The declared licences."""
    notes: tuple[str, ...] = ()
    """Fields of the metadata that could not be read."""


def members_of(reader: TarReader, limits: ArchiveLimits) -> list[Member | RejectedFile]:
    """Return every member in the order of the archive, except folders.

    Of several members with the same name the last counts, as when an archive is unpacked. A
    rejected member has the size in its header and a printable path. Raises ArchiveError if the
    whole archive has to be rejected.
    """
    names = Names()
    found: list[Member | RejectedFile] = []
    places: dict[str, int] = {}
    for entry in reader:
        if entry.kind is EntryKind.DIRECTORY:
            continue
        path = normalized(entry.path)
        if refusal := refused(entry, names, limits):
            found.append(RejectedFile(printable(entry.path, limits), entry.size, None, refusal))
            continue
        if (place := places.get(path)) is not None:
            earlier = found[place]
            size = len(earlier.data) if isinstance(earlier, Member) else earlier.bytes
            found[place] = RejectedFile(path, size, None, LATER)
        places[path] = len(found)
        if entry.size > limits.file:
            detail = f"{entry.size} bytes, over {limits.file}"
            reject = Reject(Stage.UNPACK, Reason.OVERSIZED, detail)
            found.append(RejectedFile(path, entry.size, None, reject))
        else:
            found.append(Member(path, reader.read()))
    return found


class Names:
    """The names seen so far; the first of several that differ in case is the one that counts."""

    def __init__(self) -> None:
        self.paths: dict[str, str] = {}

    def collision(self, path: str) -> Reject | None:
        """Add a normalized path; return an earlier one that a file system may treat as the same."""
        key = caseless(path)
        earlier = self.paths.setdefault(key, path)
        if earlier == path:
            return None
        return Reject(
            Stage.UNPACK, Reason.CASE_COLLISION, f"the same name as {earlier} on some systems"
        )


def refused(entry: Entry, names: Names, limits: ArchiveLimits) -> Reject | None:
    """Return the reject of an entry, or None; later entries do not change this."""
    if entry.kind is EntryKind.LINK:
        return Reject(Stage.UNPACK, Reason.LINK, "a symbolic or hard link")
    if entry.kind is EntryKind.SPECIAL:
        detail = "a device, pipe, sparse file or unknown type"
        return Reject(Stage.UNPACK, Reason.SPECIAL_FILE, detail)
    if refusal := unsafe(entry.path, limits):
        return refusal
    if refusal := names.collision(normalized(entry.path)):
        return refusal
    return None


def unsafe(path: str, limits: ArchiveLimits) -> Reject | None:
    """Return the reject of a path that is unsafe on any system, or None."""
    parts = path.split("/")
    if len(path.encode()) > limits.path:
        return Reject(Stage.UNPACK, Reason.PATH_TOO_LONG, f"over {limits.path} bytes")
    if len(parts) - 1 > limits.depth:
        return Reject(Stage.UNPACK, Reason.PATH_TOO_LONG, f"over {limits.depth} folders deep")
    if path.startswith("/") or DRIVE.match(path):
        return Reject(Stage.UNPACK, Reason.UNSAFE_PATH, "an absolute path")
    if ".." in parts:
        return Reject(Stage.UNPACK, Reason.UNSAFE_PATH, "a path that leaves the archive")
    if "\\" in path:
        return Reject(
            Stage.UNPACK, Reason.UNSAFE_PATH, "a backslash, which is a separator on other systems"
        )
    if not path.isprintable() and any(map(invisible, path)):
        return Reject(Stage.UNPACK, Reason.UNSAFE_PATH, "a control character")
    if parts[-1] in ("", "."):
        return Reject(Stage.UNPACK, Reason.UNSAFE_PATH, "no file name")
    return None


def invisible(character: str) -> bool:
    """Return whether a character is in HIDDEN; `str.isprintable` is false for all of these."""
    return unicodedata.category(character) in INVISIBLE


def normalized(path: str) -> str:
    """Return a safe path without empty and `.` parts."""
    return "/".join(part for part in path.split("/") if part not in ("", "."))


def caseless(path: str) -> str:
    """Return a key that is equal for paths that a file system may treat as the same.

    Canonical caseless matching, The Unicode Standard, section 3.13, definition D145.
    """
    if path.isascii():
        return path.lower()
    folded = unicodedata.normalize("NFD", path).casefold()
    return unicodedata.normalize("NFD", folded)


def printable(path: str, limits: ArchiveLimits) -> str:
    """Return a path in a form for tables: not empty, shortened, and escaped."""
    cut = path[: limits.path] or NAMELESS
    return "".join(
        character.encode("unicode_escape").decode() if invisible(character) else character
        for character in cut
    )
