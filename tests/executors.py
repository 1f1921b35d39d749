"""Executors for tests: one that saves time, and one as bad as may be, which loses workers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from corpus.executor import Killed, Serial

Task = TypeVar("Task")
Result = TypeVar("Result")


class Lasting(Serial):
    """Runs tasks in this process; the process that reads for it outlives a build.

    To start it anew, as `Serial` has it done in each build to save memory, takes longer than a
    small build does.
    """

    def renew(self) -> None:
        """Do nothing."""


LASTING = Lasting()


class Backwards(Serial):
    """Runs tasks from the last to the first; `deaths` says how often the worker of each dies."""

    def __init__(self, deaths: Mapping[int, int] | None = None) -> None:
        self._deaths = dict(deaths or {})

    def map(
        self, function: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[tuple[Task, Result | Killed[Task]]]:
        """Yield each task with its result, the last one first."""
        for place, task in reversed(list(enumerate(tasks))):
            left = self._deaths.get(place, 0)
            self._deaths[place] = left - 1
            yield task, Killed(task) if left > 0 else function(task)
