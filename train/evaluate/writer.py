"""A model as the executed benchmarks ask it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from train.evaluate.problems import Prompt
from train.evaluate.stops import Stops

if TYPE_CHECKING:
    from train.evaluate.subject import Sampling, Subject
    from train.tokenizer.interface import Ids


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
        ids = self._ids(prompt)
        stops = Stops() if prompt.question else Stops(prompt.stop)  # an answer's code has them
        found = self.subject.complete(ids, samples, replace(self.sampling, seed=seed), stops)
        self.done()
        return found

    def _ids(self, prompt: Prompt) -> "Ids":
        """Return the ids of a prompt; of a text too long for the model, its beginning is left out.

        A model knows as many positions as it was trained on, and writes nonsense behind them. Half
        of them at least are for the text.
        """
        tokenizer = self.subject.tokenizer
        if prompt.question:
            return tokenizer.prompt(prompt.messages)
        known = self.subject.positions
        room = max(known - self.sampling.longest, known // 2)
        ids = tokenizer.document(prompt.text).ids[:-1]
        begin = int(tokenizer.bos is not None)
        return ids if len(ids) <= room else np.concatenate([ids[:begin], ids[begin - room :]])
