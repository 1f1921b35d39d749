"""The interface through which long work reports its progress.

It is an interface, so that the work does not depend on the display: rich shows it on a terminal
(`corpus.terminal`), and a notebook or a test may use another display.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

Item = TypeVar("Item")


class Progress(Protocol):
    """Receives the steps of one stage after another."""

    def start(self, stage: str, total: int) -> None:
        """Begin a stage of `total` steps."""
        ...

    def advance(self) -> None:
        """Count one step of the current stage."""
        ...


class Silent:
    """Shows nothing."""

    def start(self, stage: str, total: int) -> None:
        """Ignore the stage."""

    def advance(self) -> None:
        """Ignore the step."""


def tracked(progress: Progress, stage: str, total: int, items: Iterable[Item]) -> Iterator[Item]:
    """Yield `items`, and count each as a step of `stage` after it was processed."""
    progress.start(stage, total)
    for item in items:
        yield item
        progress.advance()
