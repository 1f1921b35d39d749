"""How well a model foretells text that it does not train on, and which step did best."""

import math
from dataclasses import dataclass, replace

import torch

from train.dataset.rows import Rows
from train.loop.processes import Processes
from train.model.next_token import NextToken, batch_of


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Sums over held-out rows."""

    nats: float
    targets: int
    bytes: int
    """UTF-8 bytes of the target tokens."""

    @property
    def loss(self) -> float:
        """Nats a target token."""
        return self.nats / max(1, self.targets)

    @property
    def bits_per_byte(self) -> float:
        """Bits a byte of text: comparable between tokenizers."""
        return self.nats / math.log(2) / max(1, self.bytes)


@dataclass(frozen=True, slots=True)
class Selection:
    """The best measurement of a stage so far."""

    step: int = 0
    """After which it was made."""
    loss: float = math.inf
    since: int = 0
    """Measurements after it, none of which improved on it."""

    def after(self, step: int, loss: float, improvement: float) -> "Selection":
        """Return the best once another measurement was made; `improvement` is in nats a token."""
        is_better = loss < self.loss - improvement
        return Selection(step, loss) if is_better else replace(self, since=self.since + 1)


def measure(model: NextToken, rows: Rows, limit: int, processes: Processes) -> HeldOut:
    """Measure the first `limit` rows of the held-out order, 0 for all; processes share them.

    All pass through the model equally often, as a sharded one needs it; who has no row left reads
    the last one and does not count it. The model comes back in training mode.
    """
    count = min(rows.rows_in(0), limit or rows.rows_in(0))
    nats, targets, length = 0.0, 0, 0
    model.eval()
    with torch.no_grad():
        for first in range(0, count, processes.count):
            number = first + processes.rank
            row = rows.row(0, min(number, count - 1))
            losses = model.token_losses(batch_of([row], processes.device))
            if number >= count:
                continue
            nats += float(losses.double().sum())
            targets += row.targets
            length += row.bytes
    model.train()
    summed = processes.sums([nats, targets, length])
    return HeldOut(summed[0], int(summed[1]), int(summed[2]))
