"""What one backend makes of a fixed batch, in a process of its own.

Unsloth patches transformers in the process that imports it, so nothing else can be asked there.
The backend `emulated` is Unsloth without a GPU: Triton's interpreter runs its kernels, and what is
meant for a CUDA device happens on the CPU. Only whole weights in float32 work so: Unsloth takes
bfloat16 from the driver, and bitsandbytes packs nothing for a CUDA device that is not there.
"""

import contextlib
import sys
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from tests.train.rows import packed
from train.model.loading import compute_type, load_adapted, load_by_unsloth, prepare
from train.model.next_token import NextToken, batch_of
from train.recipe import ATTENTION, FEED_FORWARD, AdapterSettings, ModelSettings

SAMPLES = ([5, 6, 7, 8, 9, 10, 11], [12, 13, 14], [15, 16, 17, 18, 19])


def fill(net: NextToken) -> None:
    """Give the adapters weights that follow from their names, and are not zero."""
    for number, (_, weight) in enumerate(sorted(net.trained().items())):
        drawn = torch.randn(weight.shape, generator=torch.Generator().manual_seed(number))
        weight.data.copy_(drawn * 0.05)


class OnCpu(TorchFunctionMode):
    """Sends to the CPU what is meant for a CUDA device."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call `func` with each device replaced."""
        if func is torch.Tensor.cuda:
            return args[0]
        named = {
            name: "cpu" if name == "device" and type(value) is int else on_cpu(value)
            for name, value in (kwargs or {}).items()
        }
        return func(*map(on_cpu, args), **named)


def on_cpu(value: Any) -> Any:
    if isinstance(value, torch.device | str) and str(value).partition(":")[0] == "cuda":
        return torch.device("cpu")
    return value


class Device(contextlib.nullcontext[None]):
    """In place of `torch.cuda.device`."""

    idx = 0

    def __init__(self, *told: Any) -> None:
        super().__init__()


def emulate() -> None:
    """Give torch a CUDA device that is the CPU, and import Unsloth, which looks for one."""
    properties = SimpleNamespace(
        name="CPU", total_memory=16 << 30, major=8, minor=0, multi_processor_count=1
    )
    cuda: Any = torch.cuda
    cuda.device = Device
    cuda.device_count = lambda: 1
    cuda.current_device = lambda: 0
    cuda.synchronize = lambda *told: None
    cuda.get_device_name = lambda *told: properties.name
    cuda.get_device_capability = lambda *told: (properties.major, properties.minor)
    cuda.get_device_properties = lambda *told: properties
    cuda.mem_get_info = lambda *told: (properties.total_memory, properties.total_memory)
    cuda.max_memory_reserved = lambda *told: 0
    cuda.current_stream = lambda *told: SimpleNamespace(cuda_stream=0)
    torch._C._cuda_getCurrentRawStream = lambda device: 0
    import unsloth  # noqa: F401

    OnCpu().__enter__()  # type: ignore[no-untyped-call] # until the process ends


def main(backend: str, model: str, quantization: str, compute: str, file: str) -> None:
    """Write the loss of two packed rows, their last hidden states, and every gradient."""
    is_emulated = backend == "emulated"
    if is_emulated:
        emulate()
    told = {
        "backend": "transformers" if is_emulated else backend,
        "quantization": quantization,
        "compute": compute,
    }
    settings = ModelSettings(name=model, **told)  # type: ignore[arg-type]
    prepare(settings)
    adapter = AdapterSettings(rank=8, dropout=0.0, targets=(*ATTENTION, *FEED_FORWARD))
    if is_emulated:
        adapted = load_by_unsloth(settings, adapter, 64, 1, compute_type(settings))
    else:
        adapted = load_adapted(settings, adapter, length=64, seed=1)
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
