"""Which licences are permissive."""

import json
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
