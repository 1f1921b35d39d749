"""What a model writes behind a prompt: one answer or several, token after token."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel, StoppingCriteria

    from train.tokenizer.interface import Ids, Tokenizer

GREEDY = {"do_sample": False}


def generated(
    adapted: "PreTrainedModel | PeftModel",
    tokenizer: "Tokenizer",
    prompt: "Ids",
    longest: int,
    *,
    temperature: float = 0.0,
    top_p: float = 0.95,
    samples: int = 1,
    stopping: Sequence["StoppingCriteria"] = (),
    take: Callable[[Sequence[int]], None] | None = None,
) -> list[list[int]]:
    """Return the tokens that follow a prompt, up to the one that ends an answer, without it.

    Without a temperature it is one answer, of the likeliest tokens; with one there are `samples`,
    drawn from the most likely `top_p` by torch's generator. `take` is given all tokens so far,
    after each.
    """
    ids = torch.from_numpy(prompt.astype("int64"))[None].to(next(adapted.parameters()).device)
    drawn = {"do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": 0}
    with torch.no_grad():
        found = adapted.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=longest,
            eos_token_id=tokenizer.eos,
            pad_token_id=tokenizer.pad,
            use_cache=True,
            stopping_criteria=list(stopping),
            streamer=None if take is None else Stream(take),
            **(drawn | {"num_return_sequences": samples} if temperature > 0 else GREEDY),
        )
    return [before_end(each, tokenizer) for each in found[:, len(prompt) :].tolist()]


def before_end(ids: list[int], tokenizer: "Tokenizer") -> list[int]:
    """Return the tokens before the one that ends an answer."""
    return ids[: ids.index(tokenizer.eos)] if tokenizer.eos in ids else ids


class Stream:
    """Takes tokens from `generate` as they come, prompts left out."""

    def __init__(self, take: Callable[[Sequence[int]], None]) -> None:
        self.take = take
        self.is_prompt = True
        self.ids: list[int] = []

    def put(self, value: torch.Tensor) -> None:
        """Take the prompt, then token after token."""
        if not self.is_prompt:
            self.ids += value.flatten().tolist()
            self.take(self.ids)
        self.is_prompt = False

    def end(self) -> None:
        """Nothing more comes."""
