"""Configuration of when two documents are duplicates."""

from dataclasses import dataclass

from corpus.bounds import check_least
from corpus.tables import PERMUTATIONS


@dataclass(frozen=True, kw_only=True, slots=True)
class NearDuplicates:
    """When two documents are duplicates (Broder 1997; banding after Leskovec et al., ch. 3)."""

    threshold: float = 0.7
    """Two documents are near-duplicates from this exact Jaccard similarity of shingles on, in (0,
    1].
    """
    within_package: float = 0.95
    """A document is dropped for another of its package only if that one has at least this share of
    its shingles, in (0, 1], and all its functions. Measured in docs/duplicates.md.
    """
    most_missing: int = 16
    """Maximum number of its shingles that may be missing there, for any length. A name is in five
    shingles, so three names may differ, but no test, record or field of a longer file is lost.
    """
    most_in_vain: int = 256
    """After this many comparisons without a drop, a document is not compared with further files of
    its package in a large bucket.
    """
    bands: tuple[int, int] = (25, 5)
    """Bands and rows: recall at the threshold in docs/duplicates.md."""

    def __post_init__(self) -> None:
        """Raise ValueError for invalid values."""
        check_least(1, self, "most_in_vain")
        check_least(0, self, "most_missing")
        bands, rows = self.bands
        if not 0 < self.threshold <= 1:
            raise ValueError(
                f"threshold is {self.threshold}; it is a Jaccard similarity: above 0, at most 1"
            )
        if not 0 < self.within_package <= 1:
            raise ValueError(
                f"within_package is {self.within_package}; it is a share of shingles: above 0, at "
                "most 1"
            )
        if bands < 1 or rows < 1 or bands * rows > PERMUTATIONS:
            raise ValueError(
                f"{bands} bands of {rows} rows do not fit into {PERMUTATIONS} permutations; "
                "choose bands whose product with rows is at most that"
            )
