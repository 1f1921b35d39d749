"""Elastic weight consolidation: stage 2 may not move what stage 1 needs.

Kirkpatrick et al. 2017, "Overcoming catastrophic forgetting in neural networks". The Fisher
diagonal is taken after stage 1: while the second factor of every adapter is still zero, the first
has no gradient.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import torch

from train.dataset.packing import PackedRow
from train.model.next_token import Batch, NextToken, batch_of
from train.recipe import ElasticSettings

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Consolidation:
    """What a stage learned and how sharply: tensors by the names of the weights that train."""

    anchor: Tensors
    fisher: Tensors
    strength: float

    def penalize(self, trained: Mapping[str, torch.nn.Parameter]) -> float:
        """Add the penalty's gradient to the weights' own; return the penalty in nats a token.

        strength / 2 * sum(F * (w - anchor)^2), whose gradient is strength * F * (w - anchor).
        """
        total = 0.0
        with torch.no_grad():
            for name, weight in trained.items():
                moved = weight - self.anchor[name]
                pull = self.strength * self.fisher[name] * moved
                weight.grad = pull if weight.grad is None else weight.grad.add_(pull)
                total += float((pull * moved).sum()) / 2
        return total


def snapshot(trained: Mapping[str, torch.nn.Parameter]) -> Tensors:
    """Copy the weights as they are."""
    return {name: weight.detach().clone() for name, weight in trained.items()}


def fisher_diagonal(
    model: NextToken,
    rows: Iterable[PackedRow],
    settings: ElasticSettings,
    seed: int,
    device: torch.device | str,
) -> Tensors:
    """Estimate the diagonal of the Fisher information a token, from one gradient per sample.

    F = sum over samples of (gradient of the sample's log-likelihood)^2, divided by all tokens.
    Under sampled labels the gradients of a sample's tokens are uncorrelated, so this is the mean
    over tokens; the penalty of strength 1 then estimates in nats a token how much the loss of
    stage 1 rises (Martens 2020, "New insights and perspectives on the natural gradient method").
    Dropout is off. The labels drawn follow from `seed`.
    """
    trained = model.trained()
    fisher = {name: torch.zeros_like(weight) for name, weight in trained.items()}
    tokens = 0
    model.train()  # Unsloth goes another way in evaluation mode, without gradients
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.eval()
    for number, sample in enumerate(_samples(rows, settings.samples, device)):
        torch.manual_seed(seed + number)
        loss = model.sampled_loss(sample) if settings.labels == "sampled" else model(sample)
        model.zero_grad(set_to_none=True)
        loss.backward()
        for name, weight in trained.items():
            if weight.grad is not None:
                fisher[name] += weight.grad.float() ** 2
        tokens += int((sample.labels[:, 1:] >= 0).sum())
    model.zero_grad(set_to_none=True)
    return {name: total / max(1, tokens) for name, total in fisher.items()}


def _samples(rows: Iterable[PackedRow], limit: int, device: torch.device | str) -> Iterator[Batch]:
    count = 0
    for row in rows:
        whole, start = batch_of([row], device), 0
        for length in row.lengths:
            if count == limit:
                return
            ids, labels, positions = (
                each[:, start : start + length]
                for each in (whole.ids, whole.labels, whole.positions)
            )
            lengths = torch.tensor([length], dtype=torch.int32, device=device)
            yield Batch(ids, labels, positions, lengths)
            start, count = start + length, count + 1
