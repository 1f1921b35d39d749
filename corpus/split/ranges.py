"""The split of a family from a hash of its name."""

import hashlib
from collections.abc import Collection

from corpus.split.configuration import SplitConfig
from corpus.tables import SPLIT_NAMES

Range = tuple[float, float]


def splits_of(
    families: Collection[str], filled: Collection[str], config: SplitConfig
) -> dict[str, str]:
    """Return the split of each family; `filled` are those that have documents in the release.

    With at least as many filled families as splits, no split whose range is not empty is left
    without one: the filled family that hashes nearest to its range moves there, from a split that
    keeps another.
    """
    positions = {family: position(family, config.salt) for family in sorted(families)}
    ranges = ranges_of(config)
    splits = {family: split_at(where, ranges) for family, where in positions.items()}
    if len(filled) >= len(SPLIT_NAMES):
        held = {family: splits[family] for family in positions if family in filled}
        splits.update(without_empty_splits(held, positions, ranges))
    return splits


def position(family: str, salt: str) -> float:
    """Return the position of a family in [0, 1): the first 53 bits of a SHA-256 of its name."""
    digest = hashlib.sha256(f"{salt}\0{family}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def ranges_of(config: SplitConfig) -> dict[str, Range]:
    """Return the half-open range of positions of each split, train first."""
    held_out = config.validation + config.test
    edges = (0.0, 1.0 - held_out, 1.0 - config.test, 1.0)
    return {name: (edges[n], edges[n + 1]) for n, name in enumerate(SPLIT_NAMES)}


def split_at(where: float, ranges: dict[str, Range]) -> str:
    """Return the split whose range contains a position."""
    return next(name for name, (start, end) in ranges.items() if start <= where < end)


def without_empty_splits(
    splits: dict[str, str], positions: dict[str, float], ranges: dict[str, Range]
) -> dict[str, str]:
    """Return the splits with one family moved into each that had none but has a range."""
    splits = dict(splits)
    for name, (start, end) in ranges.items():
        if start < end and name not in splits.values():
            held = list(splits.values())
            movable = [family for family in splits if held.count(splits[family]) > 1]
            splits[min(movable, key=lambda family: distance(positions[family], start, end))] = name
    return splits


def distance(where: float, start: float, end: float) -> float:
    """Return how far a position lies outside a range."""
    return max(start - where, where - end, 0.0)
