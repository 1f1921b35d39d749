"""A model that writes no further than its answers are read."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import StoppingCriteria

from train.evaluate.stops import Stops


class Stopping(StoppingCriteria):  # type: ignore[misc]  # to mypy it is Any
    """Ends each sequence of a batch by itself, as soon as its end is known."""

    def __init__(self, stops: Stops, begin: int, decode: Callable[[Sequence[int]], str]) -> None:
        """Look at what stands behind the first `begin` tokens, which are the prompt."""
        self.stops = stops
        self.begin = begin
        self.decode = decode
        self.ended: set[int] = set()

    def __call__(self, input_ids: torch.Tensor, scores: Any, **more: Any) -> torch.Tensor:
        """Return for each sequence whether it has ended."""
        for number, written in enumerate(input_ids[:, self.begin :].tolist()):
            if number not in self.ended and self.stops.settled(self.decode(written)):
                self.ended.add(number)
        ended = [number in self.ended for number in range(len(input_ids))]
        return torch.tensor(ended, device=input_ids.device)
