"""How packages are divided."""

from dataclasses import dataclass

from corpus.bounds import check_fractions, check_least


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitConfig:
    """Train takes what validation and test leave. Raises ValueError for values that cannot work."""

    validation: float = 0.05
    """Fraction of the families."""
    test: float = 0.05
    salt: str = "elixir-corpus"
    """Another salt gives another division."""
    kinship: float = 0.1
    """Families are joined from this fraction of the code of either, in tokens, that lies in
    clusters of near-duplicates with the other; a single document has to be half of it."""
    least_shared: int = 300
    """Tokens of code in common from which families can be kin at all."""
    boilerplate: int = 8
    """A cluster found in more families than this is boilerplate and says nothing of kinship."""
    largest_family: float = 0.05
    """Families are not joined beyond this fraction of all documents: a chain of kinship must not
    swallow the corpus, and dropping duplicates has already separated what would be the same."""

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
