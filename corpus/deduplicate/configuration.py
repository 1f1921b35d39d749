"""When two documents count as the same."""

from dataclasses import dataclass

from corpus.bounds import check_least
from corpus.tables import PERMUTATIONS


@dataclass(frozen=True, kw_only=True, slots=True)
class NearDuplicates:
    """When two documents count as the same (Broder 1997; banding after Leskovec et al., ch. 3)."""

    threshold: float = 0.7
    """Exact Jaccard similarity of shingles, in (0, 1], from which two documents are the same."""
    within_package: float = 0.95
    """Share of a document's shingles, in (0, 1], that stand in another of its package before it is
    dropped for that one; all its functions have to as well. Measured in docs/duplicates.md."""
    most_missing: int = 16
    """Shingles of it that may be missing there, whatever its length: a name is in five of them, so
    three names may differ, but no test, record or field of a longer file is lost."""
    most_in_vain: int = 256
    """Comparisons of a document with others of its package that drop nothing, from which on it is
    compared with no more of a crowd of files of one shape."""
    bands: tuple[int, int] = (25, 5)
    """Bands and rows: recall at the threshold in docs/duplicates.md."""

    def __post_init__(self) -> None:
        """Raise ValueError where the values cannot work."""
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
