"""A causal language model as the training loop sees it: packed rows in, a summed loss out.

The loss is our own because the logits of 2,048 tokens over Devstral's 131,072 words are 1 GiB in
single precision, and a loss over all of them needs several copies. Here a chunk of positions at a
time is projected, and projected again in the backward pass; positions without a label are not
projected at all.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

from train.dataset.packing import NO_LABEL, PackedRow

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

CHUNK = 512
"""Positions that are projected at once; `train.memory` counts with it."""

Head = Callable[[Tensor], Tensor]


def predicting(hidden: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the hidden states before labelled tokens, and those tokens: [n, width] and [n].

    `hidden` is [batch, length, width]; `labels` is [batch, length], not shifted.
    """
    wanted = labels[:, 1:]
    carries = wanted != NO_LABEL
    return hidden[:, :-1][carries], wanted[carries]


def summed_loss(hidden: Tensor, labels: Tensor, head: Head) -> Tensor:
    """Return the sum over labelled tokens of their negative log-likelihood in nats, a scalar.

    Without any label it is zero and still has a gradient, as a process needs that has no row left.
    """
    states, wanted = predicting(hidden, labels)
    total = hidden.sum(dtype=torch.float32) * 0.0
    for some, tokens in zip(states.split(CHUNK), wanted.split(CHUNK), strict=True):
        total = total + checkpoint(_chunk, some, tokens, head, use_reentrant=False)
    return total


def token_losses(hidden: Tensor, labels: Tensor, head: Head) -> Tensor:
    """Return the negative log-likelihood of each labelled token in nats, [n], without gradients."""
    with torch.no_grad():
        states, wanted = predicting(hidden, labels)
        parts = zip(states.split(CHUNK), wanted.split(CHUNK), strict=True)
        losses = [
            cross_entropy(head(some).float(), tokens, reduction="none") for some, tokens in parts
        ]
        return torch.cat(losses) if losses else torch.zeros(0)


def sampled_labels(hidden: Tensor, labels: Tensor, head: Head) -> Tensor:
    """Return `labels` with every token replaced by one drawn from the model's own distribution."""
    with torch.no_grad():
        states, _ = predicting(hidden, labels)
        drawn = [
            torch.multinomial(head(some).float().softmax(-1), 1).squeeze(-1)
            for some in states.split(CHUNK)
        ]
        replaced = labels.clone()
        inner = replaced[:, 1:]
        if drawn:
            inner[inner != NO_LABEL] = torch.cat(drawn)
        return replaced


def _chunk(states: Tensor, wanted: Tensor, head: Head) -> Tensor:
    return cross_entropy(head(states).float(), wanted, reduction="sum")


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one length, [batch, length] each."""

    ids: Tensor
    labels: Tensor
    """Not shifted; -100 where a token carries no loss."""
    positions: Tensor
    lengths: Tensor
    """Lengths of the samples, row after row, a row's padding as one more."""
    noise: float = 0.0
    """NEFTune's alpha for the embeddings; 0 but in training steps."""

    def without_labels(self) -> "Batch":
        """Return the same tokens, none of which carries loss."""
        return replace(self, labels=torch.full_like(self.labels, NO_LABEL), noise=0.0)


def batch_of(rows: Sequence[PackedRow], device: torch.device | str, noise: float = 0.0) -> Batch:
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


def _stacked(arrays: list[npt.NDArray[np.int64]], device: torch.device | str) -> Tensor:
    return torch.from_numpy(np.stack(arrays)).to(device)


def _filled(row: PackedRow) -> list[int]:
    rest = len(row.ids) - sum(row.lengths)
    return [*row.lengths, rest] if rest else list(row.lengths)


class NextToken(torch.nn.Module):
    """Wraps an adapted model, so that what distributes it sees one forward pass.

    No token sees another sample of its row: transformers reads where positions begin anew
    (`transformers.masking_utils.find_packed_sequence_indices`), Unsloth takes the lengths.
    """

    def __init__(self, adapted: "PeftModel", compute: torch.dtype) -> None:
        super().__init__()
        self.adapted = adapted
        self.compute = compute
        self.takes_lengths = type(adapted).__module__.startswith("unsloth") or hasattr(
            adapted.get_base_model(), "max_seq_length"
        )

    def forward(self, batch: Batch) -> Tensor:
        """Return the sum of the labelled tokens' negative log-likelihood in nats, a scalar."""
        with self._autocast(batch.ids.device.type):
            return summed_loss(self.hidden(batch), batch.labels, self.head)

    def token_losses(self, batch: Batch) -> Tensor:
        """Return each labelled token's negative log-likelihood in nats, row after row."""
        with torch.no_grad(), self._autocast(batch.ids.device.type):
            return token_losses(self.hidden(batch), batch.labels, self.head)

    def sampled_loss(self, batch: Batch) -> Tensor:
        """Return the summed loss of tokens drawn from the model where the batch has labels."""
        with self._autocast(batch.ids.device.type):
            hidden = self.hidden(batch)
            return summed_loss(hidden, sampled_labels(hidden, batch.labels, self.head), self.head)

    def hidden(self, batch: Batch) -> Tensor:
        """Return the last hidden states, [batch, length, width].

        Unsloth's packing is for one row, so there all rows are given as one.
        """
        ids, positions = batch.ids, batch.positions
        packing = {}
        if self.takes_lengths:
            ids, positions = ids.view(1, -1), positions.view(1, -1)
            packing["packed_seq_lengths"] = batch.lengths
        with self._noise(batch):
            output = self.decoder(input_ids=ids, position_ids=positions, use_cache=False, **packing)
        states: Tensor = output.last_hidden_state.view(*batch.ids.shape, -1)
        return states

    @property
    def decoder(self) -> "PreTrainedModel":
        """The model without its head."""
        return self.adapted.get_base_model().get_decoder()

    @property
    def head(self) -> torch.nn.Module:
        """The projection onto the vocabulary."""
        head: torch.nn.Module = self.adapted.get_base_model().get_output_embeddings()
        return head

    def trained(self) -> dict[str, torch.nn.Parameter]:
        """Return the weights that train, by name, in a fixed order."""
        return {name: each for name, each in self.named_parameters() if each.requires_grad}

    @contextmanager
    def _noise(self, batch: Batch) -> Iterator[None]:
        """Add NEFTune's noise to the embeddings (Jain et al. 2023), by the length of each sample.

        It is drawn from torch's generator, which a step seeds from its place in the run.
        """
        if not batch.noise:
            yield
            return
        lengths = batch.lengths.repeat_interleave(batch.lengths)

        def add(module: torch.nn.Module, ids: object, states: Tensor) -> Tensor:
            reach = batch.noise / (lengths * states.shape[-1]).float().sqrt()
            drawn = torch.rand(states.shape, device=states.device) * 2 - 1
            return states + (drawn * reach.view(*states.shape[:-1], 1)).to(states.dtype)

        hook = self.decoder.get_input_embeddings().register_forward_hook(add)
        try:
            yield
        finally:
            hook.remove()

    def _autocast(self, device: str) -> AbstractContextManager[object]:
        if self.compute is torch.float32:
            return nullcontext()
        return torch.autocast(device, dtype=self.compute)


def shard(model: NextToken, device: torch.device, processes: int) -> None:
    """Leave this process its share of every layer's frozen weights; a pass gathers them in turn.

    FSDP2 (`torch.distributed.fsdp.fully_shard`), a unit a layer. What trains is small and stays
    whole, so that optimizer, penalty and checkpoints are those of one process; so do embeddings
    and head, which small models tie. All processes have to pass through the model together.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(device.type, (processes,))
    decoder = model.decoder
    whole = set(model.trained().values())
    for layer in decoder.layers:
        fully_shard(layer, mesh=mesh, ignored_params=whole)
    in_layers = {weight for layer in decoder.layers for weight in layer.parameters()}
    fully_shard(decoder, mesh=mesh, ignored_params=whole | (set(decoder.parameters()) - in_layers))
