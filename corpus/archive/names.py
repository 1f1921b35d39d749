"""Which member names are refused, and why."""

import re
import unicodedata

from corpus.archive.limits import ArchiveLimits
from corpus.reasons import Reason, Reject, Stage

INVISIBLE = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
"""Unicode categories of characters that hide or reorder what a reader of the path sees."""
NAMELESS = "<no name>"
"""Stands for an empty path, which in a table means the archive as a whole."""
DRIVE = re.compile(r"[A-Za-z]:")


def unsafe(path: str, limits: ArchiveLimits) -> Reject | None:
    """Say why a path must not be used on any system, or None if it may."""
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
    """Tell whether a character hides or reorders; `str.isprintable` is false for all of these."""
    return unicodedata.category(character) in INVISIBLE


def normalized(path: str) -> str:
    """Return a safe path without its empty and `.` parts."""
    return "/".join(part for part in path.split("/") if part not in ("", "."))


class Names:
    """The names seen so far; the first of several that differ in case is the one that counts."""

    def __init__(self) -> None:
        self.paths: dict[str, str] = {}

    def collision(self, path: str) -> Reject | None:
        """Remember a normalized path; say with which other one it would be one file, if any."""
        key = caseless(path)
        earlier = self.paths.setdefault(key, path)
        if earlier == path:
            return None
        return Reject(
            Stage.UNPACK, Reason.CASE_COLLISION, f"the same name as {earlier} on some systems"
        )


def caseless(path: str) -> str:
    """Return what is equal for paths that a file system may take for one.

    Canonical caseless matching, The Unicode Standard, section 3.13, definition D145.
    """
    if path.isascii():
        return path.lower()
    folded = unicodedata.normalize("NFD", path).casefold()
    return unicodedata.normalize("NFD", folded)


def printable(path: str, limits: ArchiveLimits) -> str:
    """Return a path of any kind so that it can stand in a table: not empty, cut, and escaped."""
    cut = path[: limits.path] or NAMELESS
    return "".join(
        character.encode("unicode_escape").decode() if invisible(character) else character
        for character in cut
    )
