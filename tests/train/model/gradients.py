"""What one backend makes of a fixed batch, in a process of its own.

Unsloth patches transformers in the process that imports it, so nothing else can be asked there.
"""

import sys

import numpy as np
import torch

from tests.train.rows import packed
from train.model.batch import batch_of
from train.model.loading import compute_type, load_adapted, prepare
from train.model.next_token import NextToken
from train.model.settings import AdapterSettings, ModelSettings

SAMPLES = ([5, 6, 7, 8, 9, 10, 11], [12, 13, 14], [15, 16, 17, 18, 19])


def fill(net: NextToken) -> None:
    """Give the adapters weights that follow from their names, and are not zero."""
    for number, (_, weight) in enumerate(sorted(net.trained().items())):
        drawn = torch.randn(weight.shape, generator=torch.Generator().manual_seed(number))
        weight.data.copy_(drawn * 0.05)


def main(backend: str, model: str, quantization: str, compute: str, file: str) -> None:
    """Write the loss of two packed rows, their last hidden states, and every gradient."""
    told = {"backend": backend, "quantization": quantization, "compute": compute}
    settings = ModelSettings(name=model, **told)  # type: ignore[arg-type]
    prepare(settings)
    adapted = load_adapted(settings, AdapterSettings(dropout=0.0), length=64, seed=1)
    net = NextToken(adapted, compute_type(settings))
    fill(net)
    rows = [packed(SAMPLES, length=20), packed(SAMPLES[::-1], length=20)]
    batch = batch_of(rows, next(net.parameters()).device)
    net.eval()
    with torch.no_grad():
        hidden = net.hidden(batch)
    net.train()
    loss = net(batch)
    loss.backward()
    gradients = {name: each.grad for name, each in net.trained().items() if each.grad is not None}
    found = {"loss": loss.detach(), "hidden": hidden, **gradients}
    np.savez(file, **{name: each.float().cpu().numpy() for name, each in found.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
