"""Which licences are permitted."""

from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache

from corpus.licenses.declarations import license_ids, licensing, permissive, read_license


@dataclass(frozen=True, kw_only=True, slots=True)
class LicensePolicy:
    """SPDX ids that may enter a release, spelt as in the SPDX licence list.

    Raises ValueError for an unknown id, because it would have no effect.
    """

    permitted: frozenset[str] = field(default_factory=permissive)
    """The base list. Weak copyleft, such as MPL-2.0, is not on the default list."""
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
