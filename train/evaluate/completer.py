"""What completes prompts: a model, or one of two that show that the measuring is right."""

from collections.abc import Sequence
from typing import Protocol

from train.evaluate.problems import Problem, Prompt


class Completer(Protocol):
    """Whatever answers prompts."""

    def complete(
        self, prompts: Sequence[Prompt], samples: int, *, seed: int = 0
    ) -> list[list[str]]:
        """Return `samples` completions of each prompt, in order; equal seeds give equal ones.

        A completion may run past the prompt's stops, which are cut off later.
        """
        ...


class Reference:
    """Gives the reference solution of each problem, which must all pass."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self._answers = {each.prompt: each.reference or "" for each in problems}

    def complete(
        self, prompts: Sequence[Prompt], samples: int, *, seed: int = 0
    ) -> list[list[str]]:
        """Return each prompt's reference solution `samples` times."""
        return [[self._answers[prompt]] * samples for prompt in prompts]


class Empty:
    """Gives nothing, which must never pass."""

    def complete(
        self, prompts: Sequence[Prompt], samples: int, *, seed: int = 0
    ) -> list[list[str]]:
        """Return `samples` empty completions of each prompt."""
        return [[""] * samples for _ in prompts]
