"""Rates, schedule and the penalty on forgetting."""

from dataclasses import dataclass, field
from typing import Literal

from train.options import require


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupRates:
    """Factors on the learning rate by depth (Howard and Ruder 2018, discriminative fine-tuning)."""

    embeddings: float = 1.0
    early: float = 1.0
    """The first half of the layers."""
    late: float = 1.0
    """The second half of the layers."""
    head: float = 1.0

    def __post_init__(self) -> None:
        for name in ("embeddings", "early", "late", "head"):
            factor = getattr(self, name)
            require(factor >= 0, name, factor, "0 or more")


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimizerSettings:
    """AdamW (Loshchilov and Hutter 2019) and its schedule."""

    learning_rate: float = 2e-4
    """The highest rate, at the end of the warm-up."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warm_up: float = 0.1
    """Fraction of all steps over which the rate rises linearly from zero."""
    final: float = 0.0
    """The rate that a step behind the last would have, as a fraction of the highest."""
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    clip: float = 1.0
    """Largest norm of the gradient; longer ones are scaled down to it."""
    kind: Literal["adamw", "adamw_8bit", "paged_adamw_8bit"] = "adamw"
    """The latter two are those of bitsandbytes and need CUDA."""
    groups: GroupRates = field(default_factory=GroupRates)

    def __post_init__(self) -> None:
        require(self.learning_rate > 0, "learning_rate", self.learning_rate, "above 0")
        require(0 <= self.warm_up <= 1, "warm_up", self.warm_up, "from 0 to 1")
        require(0 <= self.final <= 1, "final", self.final, "from 0 to 1")
        require(self.weight_decay >= 0, "weight_decay", self.weight_decay, "0 or more")
        are_shares = all(0 <= beta < 1 for beta in self.betas)
        require(are_shares, "betas", list(self.betas), "two numbers from 0 to less than 1")
        require(self.epsilon > 0, "epsilon", self.epsilon, "above 0")
        require(self.clip > 0, "clip", self.clip, "above 0")


@dataclass(frozen=True, kw_only=True, slots=True)
class ElasticSettings:
    """Elastic weight consolidation (Kirkpatrick et al. 2017) of stage 1 during stage 2."""

    strength: float = 0.0
    """Lambda: the penalty is strength / 2 * sum(F * (weight - anchor)^2); 0 leaves it out."""
    samples: int = 256
    """Training samples of stage 1 that the Fisher diagonal F is estimated from, a gradient each."""
    labels: Literal["true", "sampled"] = "sampled"
    """Gradients for the tokens of the text itself (the empirical Fisher) or for tokens drawn from
    the model's own distribution (the Fisher; Kunstner et al. 2019 tell the two apart)."""

    def __post_init__(self) -> None:
        require(self.strength >= 0, "strength", self.strength, "0 or more")
        require(self.samples >= 1, "samples", self.samples, "1 or more")
