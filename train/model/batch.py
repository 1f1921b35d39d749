"""Packed rows as tensors on a device."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from train.loss import NO_LABEL

if TYPE_CHECKING:
    from torch import Tensor

    from train.dataset.row import PackedRow


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one length, [batch, length] each."""

    ids: "Tensor"
    labels: "Tensor"
    """Not shifted; -100 where a token carries no loss."""
    positions: "Tensor"
    lengths: "Tensor"
    """Lengths of the samples, row after row, a row's padding as one more."""
    noise: float = 0.0
    """NEFTune's alpha for the embeddings; 0 but in training steps."""

    def without_labels(self) -> "Batch":
        """Return the same tokens, none of which carries loss."""
        unlabelled = torch.full_like(self.labels, NO_LABEL)
        return Batch(self.ids, unlabelled, self.positions, self.lengths)


def batch_of(
    rows: "Sequence[PackedRow]", device: "torch.device | str", noise: float = 0.0
) -> Batch:
    """Stack rows of equal length; `noise` is what `Batch` says of it."""
    return Batch(
        ids=_stacked([row.ids for row in rows], device),
        labels=_stacked([row.labels for row in rows], device),
        positions=_stacked([row.positions for row in rows], device),
        lengths=torch.tensor(
            [length for row in rows for length in _filled(row)], dtype=torch.int32, device=device
        ),
        noise=noise,
    )


def _stacked(arrays: list[npt.NDArray[np.int64]], device: "torch.device | str") -> "Tensor":
    return torch.from_numpy(np.stack(arrays)).to(device)


def _filled(row: "PackedRow") -> list[int]:
    rest = len(row.ids) - sum(row.lengths)
    return [*row.lengths, rest] if rest else list(row.lengths)
