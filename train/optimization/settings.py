"""Rates, schedule and the penalty on forgetting."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupRates:
    """Factors on the learning rate by depth (Howard and Ruder 2018, discriminative fine-tuning)."""

    embeddings: float = 1.0
    early: float = 1.0
    """The first half of the layers."""
    late: float = 1.0
    """The second half of the layers."""
    head: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimizerSettings:
    """AdamW (Loshchilov and Hutter 2019) and its schedule."""

    learning_rate: float = 2e-5
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warm_up: float = 0.1
    """Fraction of all steps over which the rate rises linearly from zero."""
    final: float = 0.0
    """The rate at the end, as a fraction of the highest."""
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    clip: float = 1.0
    """Largest norm of the gradient; longer ones are scaled down to it."""
    kind: Literal["adamw", "adamw_8bit", "paged_adamw_8bit"] = "adamw"
    """The latter two are those of bitsandbytes and need CUDA."""
    groups: GroupRates = field(default_factory=GroupRates)


@dataclass(frozen=True, kw_only=True, slots=True)
class ElasticSettings:
    """Elastic weight consolidation (Kirkpatrick et al. 2017) of stage 1 during stage 2."""

    strength: float = 0.0
    """Lambda: the penalty is strength / 2 * sum(F * (weight - anchor)^2); 0 leaves it out."""
    samples: int = 256
    """Held-out stage-1 rows over which the Fisher diagonal F is averaged."""
    labels: Literal["true", "sampled"] = "sampled"
    """Gradients for the held-out tokens themselves (the empirical Fisher) or for tokens drawn from
    the model's own distribution (the Fisher; Kunstner et al. 2019 tell the two apart)."""
