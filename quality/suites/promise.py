"""A promise: an expectation of Great Expectations with a name and a sentence for people."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Promise:
    """What must hold. `expectation` belongs to Great Expectations, whose import takes seconds.

    `column` is what the check reports as observed for a promise about the corpus as a whole.
    """

    name: str
    expected: str
    expectation: Any
    warning: bool = False

    @property
    def column(self) -> str:
        """The column, or the first of two, that the expectation looks at."""
        of = self.expectation
        found = getattr(of, "column", None) or getattr(of, "column_A", None)
        return str(found or "")
