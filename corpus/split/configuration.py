"""How packages are divided."""

from dataclasses import dataclass

from corpus.bounds import check_fractions, check_least


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitConfig:
    """The rest of the families is in train. Raises ValueError for invalid values."""

    validation: float = 0.05
    """Fraction of the families."""
    test: float = 0.05
    salt: str = "elixir-corpus"
    """Another salt gives other splits."""
    kinship: float = 0.1
    """Families are joined if at least this fraction of the code of one, in tokens, is in clusters
    of near-duplicates with the other; a single document must be half of the code.
    """
    least_shared: int = 300
    """Minimum number of shared tokens of code for families to be joined."""
    boilerplate: int = 8
    """A cluster in more families than this is boilerplate and no evidence of kinship."""
    largest_family: float = 0.05
    """Families are not joined beyond this fraction of all documents, so that a chain of kinship
    cannot join most of the corpus. Duplicates across families were dropped before.
    """

    def __post_init__(self) -> None:
        """Check that every split can have documents, which the gate demands, and every limit."""
        check_fractions(self, "validation", "test", "kinship", "largest_family")
        check_least(1, self, "boilerplate", "least_shared")
        for name in ("validation", "test"):
            if not getattr(self, name):
                raise ValueError(f"{name} is 0; no split may be empty, so it must be above 0")
        if self.validation + self.test >= 1:
            raise ValueError(
                f"validation is {self.validation} and test {self.test}; that leaves nothing for "
                "training, so together they must be less than 1"
            )
