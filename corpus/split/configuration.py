"""How packages are divided."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitConfig:
    """Train takes what validation and test leave. Raises ValueError for impossible fractions."""

    validation: float = 0.05
    """Fraction of the families."""
    test: float = 0.05
    salt: str = "elixir-corpus"
    """Another salt gives another division."""
    kinship: float = 0.1
    """Families are joined from this fraction of the documents of either that lie in clusters of
    near-duplicates with the other."""
    boilerplate: int = 8
    """A cluster found in more families than this is boilerplate and says nothing of kinship."""
    largest_family: float = 0.05
    """Families are not joined beyond this fraction of all documents: a chain of kinship must not
    swallow the corpus, and dropping duplicates has already separated what would be the same."""

    def __post_init__(self) -> None:
        if min(self.validation, self.test) < 0 or self.validation + self.test >= 1:
            raise ValueError(
                f"validation = {self.validation} and test = {self.test} leave nothing for "
                "training; they are fractions and together less than 1"
            )
