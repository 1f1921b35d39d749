"""An executor as bad as one may be: it ends the last task first and loses workers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from corpus.executor import Killed, Serial

Task = TypeVar("Task")
Result = TypeVar("Result")


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
