"""How often a run is saved, and how much of it is kept."""

from dataclasses import dataclass

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
