"""AdamW over the weights that train, in groups of one rate each, and that rate over the steps."""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Literal

import torch

from train.model.next_token import NextToken
from train.recipe import OptimizerSettings

Group = Literal["embeddings", "early", "late", "head"]

LAYER = re.compile(r"\.layers\.(\d+)\.")


def group_of(name: str, layers: int) -> Group:
    """Return the group of a weight by its name, in a decoder of `layers` layers.

    The first half of the layers is early, the rest late; a norm behind all layers counts as late.
    """
    if found := LAYER.search(name):
        return "early" if int(found[1]) < layers // 2 else "late"
    if "embed_tokens" in name:
        return "embeddings"
    return "head" if "lm_head" in name else "late"


def layers_of(names: Iterable[str]) -> int:
    """Return how many layers the names of all weights of a decoder show."""
    numbers = (int(found[1]) for name in names if (found := LAYER.search(name)))
    return max(numbers, default=-1) + 1


def make_optimizer(model: NextToken, settings: OptimizerSettings) -> torch.optim.Optimizer:
    """Return an optimizer with a group for every part of the model that trains.

    A group's `peak` is the rate that a step scales. Weight decay leaves vectors alone.
    """
    layers = layers_of(name for name, _ in model.named_parameters())
    members: dict[tuple[str, bool], list[torch.nn.Parameter]] = defaultdict(list)
    for name, weight in model.trained().items():
        members[group_of(name, layers), weight.ndim > 1].append(weight)
    groups = [
        {
            "params": weights,
            "name": name,
            "peak": settings.learning_rate * getattr(settings.groups, name),
            "weight_decay": settings.weight_decay if decays else 0.0,
        }
        for (name, decays), weights in members.items()
    ]
    optimizer: torch.optim.Optimizer = _adamw(settings)(
        groups, lr=settings.learning_rate, betas=settings.betas, eps=settings.epsilon
    )
    return optimizer


def _adamw(settings: OptimizerSettings) -> Callable[..., torch.optim.Optimizer]:
    if settings.kind == "adamw":
        return torch.optim.AdamW
    import bitsandbytes

    kinds: dict[str, Callable[..., torch.optim.Optimizer]] = {
        "adamw_8bit": bitsandbytes.optim.AdamW8bit,
        "paged_adamw_8bit": bitsandbytes.optim.PagedAdamW8bit,
    }
    return kinds[settings.kind]


def rate_factor(step: int, steps: int, settings: OptimizerSettings) -> float:
    """Return the factor on the highest rate for step `step` of `steps`, counted from 0.

    It rises linearly over the warm-up, is 1 at its end, and falls towards `final`, which a step
    behind the last would have: no step is taken at rate zero. A pure function, so a resumed run
    needs nothing but its step.
    """
    warm = math.ceil(settings.warm_up * steps)
    if step < warm:
        return (step + 1) / warm
    if settings.schedule == "constant":
        return 1.0
    progress = (step - warm + 1) / (steps - warm + 1)
    if settings.schedule == "cosine":
        progress = (1 - math.cos(math.pi * progress)) / 2
    return 1.0 - progress * (1.0 - settings.final)
