"""A model as the executed benchmarks ask it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from train.evaluate.problems import Prompt

if TYPE_CHECKING:
    from train.evaluate.subject import Sampling, Subject


class Writer:
    """Answers prompts with a model; texts are continued, questions answered in a conversation."""

    def __init__(
        self, subject: "Subject", sampling: "Sampling", done: Callable[[], None] = lambda: None
    ) -> None:
        self.subject = subject
        self.sampling = sampling
        self.done = done

    def complete(
        self, prompts: Sequence[Prompt], samples: int, *, seed: int = 0
    ) -> list[list[str]]:
        """Return `samples` completions of each prompt, in order."""
        return [self._completed(prompt, samples, seed) for prompt in prompts]

    def _completed(self, prompt: Prompt, samples: int, seed: int) -> list[str]:
        tokenizer = self.subject.tokenizer
        if prompt.question:
            ids = tokenizer.prompt(prompt.messages)
        else:
            ids = tokenizer.document(prompt.text).ids[:-1]
        found = self.subject.complete(ids, samples, replace(self.sampling, seed=seed))
        self.done()
        return found
