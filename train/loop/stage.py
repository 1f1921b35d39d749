"""The steps of one stage: forward, backward, penalty, update."""

import math
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch

from train.dataset.packing import Order, share
from train.dataset.rows import Rows
from train.errors import TrainError
from train.loop.consolidation import Consolidation
from train.loop.optimizer import clip, rate_factor, set_rates
from train.loop.processes import Processes
from train.loop.state import seed_of
from train.model.next_token import Batch, NextToken, batch_of
from train.recipe import OptimizerSettings


class LossNotFinite(TrainError):
    """The loss, its gradient or the penalty is no number any more."""

    def __init__(self, stage: int, step: int, what: str, value: float) -> None:
        super().__init__(
            f"stage {stage}, step {step}: the {what} is {value}. The last checkpoint is from "
            f"before and sound. Lower --stage{stage}.optimizer.learning-rate and begin another run."
        )


def check_finite(stage: int, step: int, values: Mapping[str, float]) -> None:
    """Raise LossNotFinite if one of the values is no finite number."""
    for name, value in values.items():
        if not math.isfinite(value):
            raise LossNotFinite(stage, step, name, value)


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stage reads, and how fast it moves."""

    number: int
    rows: Rows
    order: Order
    settings: OptimizerSettings
    length: int
    """Tokens of a row."""
    micro_batch: int
    """Rows of one forward pass of one process."""
    seed: int
    noise: float = 0.0
    """NEFTune's alpha."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step as it went, over all processes."""

    step: int
    """Steps done, this one included."""
    epoch: float
    loss: float
    """Nats a target token, without the penalty."""
    penalty: float
    learning_rate: float
    gradient_norm: float
    tokens: int
    """Tokens read, padding included."""
    targets: int
    seconds: float
    waited: float
    """Seconds of these in which rows were waited for."""


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """What one process reads in one forward pass."""

    batch: Batch
    seed: int
    """For dropout and noise."""


@dataclass(frozen=True, slots=True)
class Trainee:
    """A model with what moves its weights."""

    module: torch.nn.Module
    """The model as it is distributed over processes."""
    model: NextToken
    optimizer: torch.optim.Optimizer
    consolidation: Consolidation | None
    processes: Processes

    @property
    def averages(self) -> bool:
        """Whether gradients of several processes are theirs alone after a backward pass."""
        return self.processes.count > 1 and self.module is self.model


def steps(trainee: Trainee, stage: Stage, begin: int) -> Iterator[StepResult]:
    """Take the steps of a stage one by one, from `begin` (counted from 0) to its end.

    The rows of a step are read while the one before it is taken. Raises LossNotFinite before a bad
    gradient moves anything.
    """
    with ThreadPoolExecutor(1) as ahead:
        coming = [ahead.submit(read, stage, step, trainee.processes) for step in (begin,)]
        for step in range(begin, stage.order.steps):
            began = time.monotonic()
            batches = coming.pop().result()
            waited = time.monotonic() - began
            if step + 1 < stage.order.steps:
                coming.append(ahead.submit(read, stage, step + 1, trainee.processes))
            yield take(trainee, stage, step, batches, began, waited)


def take(
    trainee: Trainee,
    stage: Stage,
    step: int,
    batches: list[MicroBatch],
    began: float,
    waited: float,
) -> StepResult:
    """Take one step. Raises LossNotFinite."""
    rows = stage.order.rows_of(step)
    targets = sum(stage.rows.targets_of(rows.epoch, number) for number in rows.numbers)
    trainee.model.train()
    loss = accumulate(trainee, batches, targets)
    trained = trainee.model.trained()
    penalty = trainee.consolidation.penalize(trained) if trainee.consolidation else 0.0
    norm = clip(trained.values(), stage.settings.clip)
    values = {"loss": loss, "penalty": penalty, "gradient's norm": norm}
    check_finite(stage.number, step + 1, values)
    factor = rate_factor(step, stage.order.steps, stage.settings)
    set_rates(trainee.optimizer, factor)
    trainee.optimizer.step()
    trainee.optimizer.zero_grad(set_to_none=True)
    return StepResult(
        step=step + 1,
        epoch=stage.order.epochs_until(step + 1),
        loss=loss,
        penalty=penalty,
        learning_rate=stage.settings.learning_rate * factor,
        gradient_norm=norm,
        tokens=len(rows.numbers) * stage.length,
        targets=targets,
        seconds=time.monotonic() - began,
        waited=waited,
    )


def accumulate(trainee: Trainee, batches: list[MicroBatch], targets: int) -> float:
    """Add up the gradients of a step; return its loss in nats a target token.

    Gradients are averaged over processes, so each weighs its own with their number.
    """
    weight = trainee.processes.count / max(1, targets)
    losses = []
    for each in batches[:-1]:
        with trainee.processes.without_exchange(trainee.module):
            losses.append(backward(trainee.module, each, weight))
    losses.append(backward(trainee.module, batches[-1], weight))
    if trainee.averages:
        trainee.processes.average_gradients(trainee.model.trained().values())
    total = float(torch.stack(losses).sum())
    return trainee.processes.sums([total])[0] / max(1, targets)


def backward(module: torch.nn.Module, each: MicroBatch, weight: float) -> torch.Tensor:
    """Add the gradient of a micro-batch; return its summed loss."""
    torch.manual_seed(each.seed)
    loss: torch.Tensor = module(each.batch)
    (loss * weight).backward()
    return loss.detach().double()


def read(stage: Stage, step: int, processes: Processes) -> list[MicroBatch]:
    """Read the micro-batches of one process; without rows of its own it gets one without labels."""
    rows = stage.order.rows_of(step)
    read = []
    for numbers in share(rows.numbers, stage.micro_batch, processes.rank, processes.count):
        taken = [stage.rows.row(rows.epoch, number) for number in numbers or rows.numbers[:1]]
        batch = batch_of(taken, processes.device, stage.noise)
        seed = seed_of(stage.seed, stage.number, step, (numbers or (-1,))[0])
        read.append(MicroBatch(batch if numbers else batch.without_labels(), seed))
    return read
