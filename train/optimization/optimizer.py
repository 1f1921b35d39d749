"""AdamW over the weights that train, in groups of one rate each."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import torch

from train.model.groups import group_of
from train.recipe import OptimizerSettings


def make_optimizer(
    trained: Mapping[str, torch.nn.Parameter], layers: int, settings: OptimizerSettings
) -> torch.optim.Optimizer:
    """Return an optimizer with a group for every part of the model that trains.

    A group's `peak` is the rate that `set_rates` scales. Weight decay leaves vectors alone.
    """
    members: dict[tuple[str, bool], list[torch.nn.Parameter]] = defaultdict(list)
    for name, weight in trained.items():
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


def set_rates(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Set every group's rate to its peak times `factor`."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor


def clip(trained: Iterable[torch.nn.Parameter], longest: float) -> float:
    """Scale the gradient down to the norm `longest`; return the norm that it had."""
    return float(torch.nn.utils.clip_grad_norm_(trained, longest))


def _adamw(settings: OptimizerSettings) -> Any:
    if settings.kind == "adamw":
        return torch.optim.AdamW
    import bitsandbytes

    kinds = {
        "adamw_8bit": bitsandbytes.optim.AdamW8bit,
        "paged_adamw_8bit": bitsandbytes.optim.PagedAdamW8bit,
    }
    return kinds[settings.kind]
