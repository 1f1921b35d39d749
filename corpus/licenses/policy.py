"""Which licences are permitted: a list of SPDX ids, chosen by name or read from a file."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from corpus.errors import CorpusError
from corpus.licenses.declarations import (
    license_ids,
    licensing,
    permissive,
    rated,
    read_license,
)
from corpus.untrusted import parse_json, shown

DEFAULT_LIST = "blueoak"
"""The list of a policy that names none."""
FILE_COPYLEFT = frozenset({"CDDL-1.0", "CDDL-1.1", "ErlPL-1.1", "MPL-1.0", "MPL-1.1", "MPL-2.0"})
"""Licences whose conditions on changed copies end with the file."""
LARGEST_LIST = 1 << 20
"""Bytes of a file with a list; the SPDX licence list has about 700 ids."""

LONGEST_ID = 100
"""Characters of an id; the longest of the SPDX licence list has 36."""
FORM = "A file with a list has one SPDX id a line, or is a JSON array of them."


class BadList(CorpusError):
    """A list of licences that cannot be used, and what to do."""


def lists() -> dict[str, frozenset[str]]:
    """Return the lists that have a name."""
    return {
        DEFAULT_LIST: permissive(),
        "blueoak-silver": rated()["silver"],
        "file-copyleft": permissive() | FILE_COPYLEFT,
    }


def read_list(text: str, beside: Path | None = None) -> frozenset[str]:
    """Return the SPDX ids of the list of a name, or of a file at a path (`beside` a folder).

    A file has one id a line, and comments from `#` on; or it is a JSON array of ids, or an object
    that has one as `ids`. Raises BadList.
    """
    if text in lists():
        return lists()[text]
    path = Path(text) if beside is None else beside / text
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_LIST + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no path"
        raise BadList(
            f"{shown(text)} is no list of licences ({', '.join(lists())}), and there is no file to "
            f"read there ({why}). {FORM}"
        ) from error
    if len(data) > LARGEST_LIST:
        raise BadList(f"{path}: it has more than {LARGEST_LIST} bytes. {FORM}")
    try:
        found = dict(_ids(path, data.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        raise BadList(f"{path}: it is not UTF-8. {FORM}") from error
    for license_id, where in found.items():
        if len(license_id) > LONGEST_ID:
            raise BadList(f"{where}: a text of {len(license_id)} characters is no SPDX id. {FORM}")
        if not is_license_id(license_id):
            meant = nearest(license_id)
            raise BadList(f"{where}: {license_id!r} is no SPDX id (did you mean {meant}). {FORM}")
    if not found:
        raise BadList(f"{path}: it names no licence, so nothing would be permitted. {FORM}")
    return frozenset(found)


def _ids(path: Path, text: str) -> Iterator[tuple[str, str]]:
    """Yield the ids of a file, and where each stands."""
    if text.lstrip().startswith(("[", "{")):
        try:
            told = parse_json(text)
        except ValueError as error:
            raise BadList(f"{path}: it is not JSON ({error}). {FORM}") from error
        ids = told.get("ids") if isinstance(told, dict) else told
        if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
            raise BadList(f"{path}: its JSON is no array of texts. {FORM}")
        for place, license_id in enumerate(ids):
            yield license_id, f"{path}, element {place}"
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if license_id := line.partition("#")[0].strip():
            yield license_id, f"{path}, line {number}"


@dataclass(frozen=True, kw_only=True, slots=True)
class LicensePolicy:
    """SPDX ids that may enter a release, spelt as in the SPDX licence list.

    Raises ValueError for an unknown id, because it would have no effect.
    """

    permitted: frozenset[str] = field(default_factory=permissive)
    """The base list, by default `blueoak`. Weak copyleft, such as MPL-2.0, is not on it."""
    permitted_extra: frozenset[str] = frozenset()
    """More ids, so that a configuration can add one without repeating the list."""

    def __post_init__(self) -> None:
        """Check the ids."""
        for text in sorted(self.permitted | self.permitted_extra):
            if not is_license_id(text):
                raise ValueError(f"{text!r} is no SPDX id (did you mean {nearest(text)})")

    def permits(self, license_id: str) -> bool:
        """Return whether one licence, without its exceptions, is permitted."""
        return license_id in self.permitted or license_id in self.permitted_extra


def is_license_id(text: str) -> bool:
    """Return whether a text is a known SPDX id or a LicenseRef."""
    return text in permissive() or text in known_ids() or text.startswith("LicenseRef-")


@cache
def known_ids() -> frozenset[str]:
    """Return the ids of the SPDX licence list, without exceptions and deprecated ids."""
    symbols = licensing().known_symbols.items()
    return frozenset(text for text, symbol in symbols if not symbol.is_exception)


def nearest(text: str) -> str:
    """Return the id that was probably meant: of this name, or of a similar spelling."""
    read = license_ids(read_license(text)) & known_ids()
    if len(read) == 1:
        return min(read)
    spelt = {known.lower(): known for known in sorted(known_ids())}
    return spelt[get_close_matches(text.lower(), spelt, 1, cutoff=0.0)[0]]
