"""The processes that train together, through accelerate; alone it is one."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch


class Processes:
    """One process among those that torchrun started.

    Every process holds the whole model and its own rows (DDP), or its share of the model (FSDP), as
    accelerate's environment says.
    """

    def __init__(self) -> None:
        from accelerate import Accelerator

        self.accelerator = Accelerator(cpu=not torch.cuda.is_available())
        self.rank: int = self.accelerator.process_index
        self.count: int = self.accelerator.num_processes
        self.device: torch.device = self.accelerator.device

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and talks to the user."""
        return self.rank == 0

    def distribute(self, module: torch.nn.Module) -> torch.nn.Module:
        """Return the module as this process shall call it."""
        if self.count == 1:
            return module.to(self.device)
        distributed: torch.nn.Module = self.accelerator.prepare(module)
        return distributed

    def without_exchange(self, module: torch.nn.Module) -> AbstractContextManager[Any]:
        """Leave gradients where they are: more of the same step follow."""
        context: AbstractContextManager[Any] = self.accelerator.no_sync(module)
        return context

    def sums(self, values: Sequence[float]) -> list[float]:
        """Return the sum of each value over all processes."""
        if self.count == 1:
            return list(values)
        on_device = torch.tensor(values, dtype=torch.float64, device=self.device)
        summed: list[float] = self.accelerator.reduce(on_device, "sum").tolist()
        return summed

    def wait(self) -> None:
        """Go on when all processes have come here."""
        self.accelerator.wait_for_everyone()

    def close(self) -> None:
        """Leave the group, if there is one."""
        if self.count > 1:
            torch.distributed.destroy_process_group()
