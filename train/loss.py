"""Cross-entropy without the logits of a whole row.

The logits of 2,048 tokens over Devstral's 131,072 words are 1 GiB in single precision, and a loss
over all of them needs several copies. Here a chunk of positions at a time is projected, and
projected again in the backward pass; positions without a label are not projected at all.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

if TYPE_CHECKING:
    from torch import Tensor

CHUNK = 512
"""Positions that are projected at once; `train.budget` counts with it."""

NO_LABEL = -100
"""The label of a position that carries no loss, as in transformers."""

Head = Callable[["Tensor"], "Tensor"]


def predicting(hidden: "Tensor", labels: "Tensor") -> "tuple[Tensor, Tensor]":
    """Return the hidden states before labelled tokens, and those tokens: [n, width] and [n].

    `hidden` is [batch, length, width]; `labels` is [batch, length], not shifted.
    """
    wanted = labels[:, 1:]
    carries = wanted != NO_LABEL
    return hidden[:, :-1][carries], wanted[carries]


def summed_loss(hidden: "Tensor", labels: "Tensor", head: Head) -> "Tensor":
    """Return the sum over labelled tokens of their negative log-likelihood in nats, a scalar.

    Without any label it is zero and still has a gradient, as a process needs that has no row left.
    """
    states, wanted = predicting(hidden, labels)
    total = hidden.sum(dtype=torch.float32) * 0.0
    for some, tokens in zip(states.split(CHUNK), wanted.split(CHUNK), strict=True):
        total = total + checkpoint(_chunk, some, tokens, head, use_reentrant=False)
    return total


def token_losses(hidden: "Tensor", labels: "Tensor", head: Head) -> "Tensor":
    """Return the negative log-likelihood of each labelled token in nats, [n], without gradients."""
    with torch.no_grad():
        states, wanted = predicting(hidden, labels)
        parts = zip(states.split(CHUNK), wanted.split(CHUNK), strict=True)
        losses = [
            cross_entropy(head(some).float(), tokens, reduction="none") for some, tokens in parts
        ]
        return torch.cat(losses) if losses else torch.zeros(0)


def sampled_labels(hidden: "Tensor", labels: "Tensor", head: Head) -> "Tensor":
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


def _chunk(states: "Tensor", wanted: "Tensor", head: Head) -> "Tensor":
    return cross_entropy(head(states).float(), wanted, reduction="sum")
