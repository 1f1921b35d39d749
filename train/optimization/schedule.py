"""The learning rate over the steps of a stage."""

import math

from train.recipe import OptimizerSettings


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
