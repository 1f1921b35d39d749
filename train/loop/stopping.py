"""Signals that end a run between two steps, with a checkpoint."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from train.errors import TrainError

SIGNALS = (signal.SIGTERM, signal.SIGINT)

PASSED_ON = 5.0
"""Seconds in which another SIGTERM is the same request: a scheduler that ends a job sends it to all
processes, and torchrun passes on to its own what it got itself."""


class Stopped(TrainError):
    """The run was asked to stop, and has saved what it had."""

    def __init__(self, number: int, step: str) -> None:
        self.exit_code = 128 + number
        name = signal.Signals(number).name
        super().__init__(f"{name}: saved at {step}. The same command goes on from there.")


class StopRequest:
    """Remembers the first signal that came; a second one ends the process at once."""

    def __init__(self) -> None:
        self.number = 0
        self.came = 0.0

    def note(self, number: int, frame: FrameType | None) -> None:
        """Remember a signal."""
        if not self.number:
            self.number, self.came = number, time.monotonic()
        elif number != signal.SIGTERM or time.monotonic() - self.came > PASSED_ON:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Yield what tells whether the run shall stop; handlers are put back afterwards."""
    request = StopRequest()
    before = {number: signal.signal(number, request.note) for number in SIGNALS}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
