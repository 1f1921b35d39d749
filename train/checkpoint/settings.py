"""How often a run is saved, how much of it is kept, and which of its steps is its result."""

from dataclasses import dataclass
from typing import Literal

from train.options import require


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckpointSettings:
    """When checkpoints are written and removed."""

    every: int = 50
    """Steps between two checkpoints; a stage also ends with one."""
    keep: int = 3
    """Newest checkpoints that are kept; the last one of each stage stays besides."""

    def __post_init__(self) -> None:
        require(self.every >= 1, "every", self.every, "1 or more")
        require(self.keep >= 1, "keep", self.keep, "1 or more")


@dataclass(frozen=True, kw_only=True, slots=True)
class SelectionSettings:
    """Which step's weights a stage ends with, and when it ends early: by held-out loss, as it is
    measured every `evaluate_every` steps and at a stage's ends.
    """

    take: Literal["last", "best"] = "last"
    """Weights that a stage ends with, and the next one begins from: of its last step, or of the
    one with the lowest loss."""
    patience: int = 0
    """Measurements in a row that do not improve, after which a stage ends; 0 for no such end."""
    improvement: float = 0.0
    """Nats a token by which a loss must be lower than the lowest before, to count as improved."""
    held_out: Literal["own", "documents", "instructions"] = "own"
    """Rows that decide: those of the stage itself, or of the first or second stage for both."""

    def __post_init__(self) -> None:
        require(self.patience >= 0, "patience", self.patience, "0 or more")
        require(self.improvement >= 0, "improvement", self.improvement, "0 or more")

    @property
    def is_on(self) -> bool:
        """Whether measurements decide anything, so that the best step is kept."""
        return self.take == "best" or self.patience > 0

    def rows_of(self, stage: int) -> int:
        """Return the stage whose held-out rows decide in a stage."""
        return {"own": stage, "documents": 1, "instructions": 2}[self.held_out]
