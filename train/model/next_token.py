"""A causal language model as the training loop sees it: packed rows in, a summed loss out."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import torch

from train.loss import sampled_labels, summed_loss, token_losses

if TYPE_CHECKING:
    from torch import Tensor

    from train.model.batch import Batch


class NextToken(torch.nn.Module):
    """Wraps an adapted model, so that what distributes it sees one forward pass.

    No token sees another sample of its row: transformers reads where positions begin anew
    (`transformers.masking_utils.find_packed_sequence_indices`), Unsloth takes the lengths.
    """

    def __init__(self, adapted: Any, compute: torch.dtype) -> None:
        super().__init__()
        self.adapted = adapted
        self.compute = compute
        self.takes_lengths = type(adapted).__module__.startswith("unsloth") or hasattr(
            adapted.get_base_model(), "max_seq_length"
        )

    def forward(self, batch: "Batch") -> "Tensor":
        """Return the sum of the labelled tokens' negative log-likelihood in nats, a scalar."""
        with self._autocast(batch.ids.device.type):
            return summed_loss(self.hidden(batch), batch.labels, self.head)

    def token_losses(self, batch: "Batch") -> "Tensor":
        """Return each labelled token's negative log-likelihood in nats, row after row."""
        with torch.no_grad(), self._autocast(batch.ids.device.type):
            return token_losses(self.hidden(batch), batch.labels, self.head)

    def sampled_loss(self, batch: "Batch") -> "Tensor":
        """Return the summed loss of tokens drawn from the model where the batch has labels."""
        with self._autocast(batch.ids.device.type):
            hidden = self.hidden(batch)
            return summed_loss(hidden, sampled_labels(hidden, batch.labels, self.head), self.head)

    def hidden(self, batch: "Batch") -> "Tensor":
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
    def decoder(self) -> Any:
        """The model without its head."""
        return self.adapted.get_base_model().get_decoder()

    @property
    def head(self) -> Any:
        """The projection onto the vocabulary."""
        return self.adapted.get_base_model().get_output_embeddings()

    def trained(self) -> "dict[str, torch.nn.Parameter]":
        """Return the weights that train, by name, in a fixed order."""
        return {name: each for name, each in self.named_parameters() if each.requires_grad}

    @contextmanager
    def _noise(self, batch: "Batch") -> Iterator[None]:
        """Add NEFTune's noise to the embeddings (Jain et al. 2023), by the length of each sample.

        It is drawn from torch's generator, which a step seeds from its place in the run.
        """
        if not batch.noise:
            yield
            return
        lengths = batch.lengths.repeat_interleave(batch.lengths)

        def add(module: torch.nn.Module, ids: object, states: "Tensor") -> "Tensor":
            reach = batch.noise / (lengths * states.shape[-1]).float().sqrt()
            drawn = torch.rand(states.shape, device=states.device) * 2 - 1
            return states + (drawn * reach.view(*states.shape[:-1], 1)).to(states.dtype)

        hook = self.decoder.get_input_embeddings().register_forward_hook(add)
        try:
            yield
        finally:
            hook.remove()

    def _autocast(self, device: str) -> AbstractContextManager[Any]:
        if self.compute is torch.float32:
            return nullcontext()
        return torch.autocast(device, dtype=self.compute)
