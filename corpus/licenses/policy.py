"""Which licences are permitted."""

import json
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files


@cache
def permissive() -> frozenset[str]:
    """Return the SPDX ids that the Blue Oak Council rates Bronze or better.

    Public-domain dedications (CC0-1.0, Unlicense, 0BSD) are among them; the rating Lead (WTFPL,
    Beerware, ...) is not: its licences lack some of what others can rely on.
    """
    data = files("corpus.licenses").joinpath("permissive.json").read_bytes()
    return frozenset(json.loads(data)["ids"])


@dataclass(frozen=True, kw_only=True, slots=True)
class LicensePolicy:
    """SPDX ids that may enter a release, spelt as in the SPDX licence list."""

    permitted: frozenset[str] = field(default_factory=permissive)
    """The list to start from. Weak copyleft, such as MPL-2.0, is not on the default list."""
    permitted_extra: frozenset[str] = frozenset()
    """More ids, so that a configuration can add one without repeating the list."""

    def permits(self, license_id: str) -> bool:
        """Say whether one licence, without its exceptions, is permitted."""
        return license_id in self.permitted or license_id in self.permitted_extra
