"""The processes that train together, through accelerate; alone it is one."""

import resource
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar

import torch

from train.model.next_token import NextToken, shard

Value = TypeVar("Value")

PATIENCE = timedelta(hours=12)
"""How long processes wait for the first one, which tokenises a release alone; torch's own limit is
ten minutes. It is not needed to notice a process that died: torchrun ends the others."""


class Processes:
    """One process among those that torchrun started.

    Every process has its own rows, and the whole model (DDP) or its share of the frozen one (FSDP).
    """

    def __init__(self) -> None:
        from accelerate import Accelerator
        from accelerate.utils import InitProcessGroupKwargs

        self.accelerator = Accelerator(
            cpu=not torch.cuda.is_available(),
            kwargs_handlers=[InitProcessGroupKwargs(timeout=PATIENCE)],
        )
        self.rank: int = self.accelerator.process_index
        self.count: int = self.accelerator.num_processes
        self.device: torch.device = self.accelerator.device

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and talks to the user."""
        return self.rank == 0

    def distribute(self, model: NextToken, sharded: bool) -> torch.nn.Module:
        """Return the model as this process shall call it."""
        if self.count == 1:
            return model.to(self.device)
        if sharded:
            shard(model, self.device, self.count)
            return model
        distributed: torch.nn.Module = self.accelerator.prepare(model)
        return distributed

    def average_gradients(self, weights: Iterable[torch.nn.Parameter]) -> None:
        """Give every process the mean of all gradients, where nothing else has done so."""
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        flat = torch.cat([each.flatten() for each in gradients])
        mean = self.accelerator.reduce(flat, "mean").split([each.numel() for each in gradients])
        for gradient, averaged in zip(gradients, mean, strict=True):
            gradient.copy_(averaged.view_as(gradient))

    def means(self, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return each tensor's mean over all processes, so that none drifts from the others."""
        means: dict[str, torch.Tensor] = self.accelerator.reduce(dict(tensors), "mean")
        return means

    def sums(self, values: Sequence[float]) -> list[float]:
        """Return the sum of each value over all processes."""
        on_device = torch.tensor(values, dtype=torch.float64, device=self.device)
        summed: list[float] = self.accelerator.reduce(on_device, "sum").tolist()
        return summed

    def gathered(self, value: Value) -> list[Value]:
        """Return what every process gives, in their order."""
        from accelerate.utils import gather_object

        every: list[Value] = gather_object([value])
        return every

    def wait(self) -> None:
        """Go on when all processes have come here."""
        self.accelerator.wait_for_everyone()

    def peak_memory(self) -> int:
        """Return the most bytes that tensors took on the GPU, or this process took in memory."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    def close(self) -> None:
        """Leave the group, if there is one."""
        if self.count > 1:
            torch.distributed.destroy_process_group()
