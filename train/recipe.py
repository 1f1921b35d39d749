"""A recipe: everything that a run depends on besides the release.

Recipes are TOML files in `train/recipes/`; what a file leaves out has the default that stands
beside its owner. The resolved recipe is saved with the run.
"""

from dataclasses import dataclass, field
from typing import Literal

from train.checkpoint.settings import CheckpointSettings
from train.dataset.settings import DataSettings
from train.model.settings import AdapterSettings, ModelSettings
from train.optimization.settings import ElasticSettings, GroupRates, OptimizerSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class StageSettings:
    """One of the two stages."""

    enabled: bool = True
    epochs: float = 3.0
    """Passes over the stage's mixture; a fraction ends within the last one."""
    steps: int = 0
    """Ends the stage after so many steps, whatever `epochs` says; 0 for no such end."""
    data: DataSettings = field(default_factory=DataSettings)
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings)


SECOND_STAGE = StageSettings(
    epochs=2.0,
    optimizer=OptimizerSettings(
        learning_rate=5e-6,
        groups=GroupRates(embeddings=0.1, early=0.5, late=1.0, head=2.0),
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """Everything that a run depends on besides the release."""

    seed: int = 20261101
    length: int = 2048
    """Tokens of a packed row."""
    batch: int = 8
    """Rows of one optimizer step, over all processes and accumulated micro-batches."""
    micro_batch: int = 1
    """Rows that one process handles at once."""
    evaluate_every: int = 50
    """Steps between two measurements of held-out loss; 0 measures at the ends of stages only."""
    evaluation_rows: int = 64
    """Held-out rows of each such measurement at most."""
    tracker: Literal["none", "tensorboard", "wandb", "mlflow", "trackio"] = "none"
    """Also send the metrics there, through accelerate."""
    model: ModelSettings = field(default_factory=ModelSettings)
    adapter: AdapterSettings = field(default_factory=AdapterSettings)
    stage1: StageSettings = field(default_factory=StageSettings)
    """Continued pretraining on documents."""
    stage2: StageSettings = SECOND_STAGE
    """Instruction tuning."""
    elastic: ElasticSettings = field(default_factory=ElasticSettings)
    checkpoint: CheckpointSettings = field(default_factory=CheckpointSettings)
