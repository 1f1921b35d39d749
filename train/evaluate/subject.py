"""A model under evaluation: the base alone, or with an adapter."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from train.evaluate.answers import Answers, describe
from train.evaluate.stops import Stops
from train.model.loading import NoSuchModel, adapt, compute_type, load_base, readable
from train.model.next_token import Batch, NextToken
from train.recipe import AdapterSettings, ModelSettings

if TYPE_CHECKING:
    from train.tokenizer.interface import Ids, Sample, Tokenizer


NOWHERE = Stops()


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How completions are drawn."""

    temperature: float = 0.2
    """0 takes the likeliest token; 0.2 is what pass@1 is usually drawn at (Chen et al. 2021)."""
    top_p: float = 0.95
    longest: int = 512
    """Tokens of a completion at most."""
    seed: int = 20261101


class Subject:
    """Foretells and completes; its adapter can be left out to see the base."""

    def __init__(
        self,
        model: NextToken,
        tokenizer: "Tokenizer",
        device: torch.device,
        answers: Answers | None = None,
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.device = device
        self.answers = answers
        model.eval()

    @property
    def positions(self) -> int:
        """How many tokens the model can tell the places of."""
        settings = self.model.adapted.get_base_model().config.get_text_config()
        return int(settings.max_position_embeddings)

    @contextmanager
    def as_base(self) -> Iterator[None]:
        """Leave the adapter out."""
        whole = self.answers
        self.answers = whole and whole.without_adapter()
        try:
            with self.model.adapted.disable_adapter():
                yield
        finally:
            self.answers = whole

    def nats(self, sample: "Sample") -> float:
        """Return the summed negative log-likelihood of the target tokens."""
        losses = self.model.token_losses(batch_of_sample(sample, self.device))
        return float(losses.double().sum())

    def complete(
        self, prompt: "Ids", samples: int, sampling: Sampling, stops: Stops = NOWHERE
    ) -> list[str]:
        """Return `samples` completions of a prompt, without special tokens.

        They follow from the sampling's seed and the prompt, and are kept if the subject keeps any.
        They may run past the first of the stops, and do not go on from there.
        """
        draw = partial(self._draw, prompt, samples, sampling, stops)
        if self.answers is None:
            return draw()
        how = {"samples": samples, "sampling": asdict(sampling), "stops": asdict(stops)}
        return self.answers.recall({"prompt": prompt.tolist(), **how}, draw)

    def _draw(self, prompt: "Ids", samples: int, sampling: Sampling, stops: Stops) -> list[str]:
        from train.evaluate.stopping import Stopping

        stopping = [Stopping(stops, len(prompt), self.decode)] if stops.texts else []
        ids = torch.from_numpy(prompt.astype("int64"))[None].to(self.device)
        torch.manual_seed(sampling.seed)
        with torch.no_grad():
            found = self.model.adapted.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=sampling.longest,
                eos_token_id=self.tokenizer.eos,
                pad_token_id=self.tokenizer.pad,
                use_cache=True,
                stopping_criteria=stopping,
                **chosen(sampling, samples),
            )
        texts = [self.decode(each[len(prompt) :].tolist()) for each in found]
        return texts if sampling.temperature > 0 else texts * samples

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text up to the first token that ends it."""
        ended = list(ids)
        if self.tokenizer.eos in ended:
            ended = ended[: ended.index(self.tokenizer.eos)]
        return self.tokenizer.decode(ended)


def chosen(sampling: Sampling, samples: int) -> dict[str, Any]:
    """Return how transformers chooses tokens; without a temperature one answer is all there are."""
    if not sampling.temperature > 0:
        return {"do_sample": False}
    return {
        "do_sample": True,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": 0,
        "num_return_sequences": samples,
    }


def batch_of_sample(sample: "Sample", device: torch.device) -> Batch:
    """Return a batch of one sample."""
    ids = torch.from_numpy(sample.ids.astype("int64"))
    labels = torch.where(torch.from_numpy(sample.targets), ids, -100)
    return Batch(
        ids=ids[None].to(device),
        labels=labels[None].to(device),
        positions=torch.arange(len(ids), device=device)[None],
        lengths=torch.tensor([len(ids)], dtype=torch.int32, device=device),
    )


def open_subject(
    settings: ModelSettings,
    adapter: Path | None,
    tokenizer: "Tokenizer",
    answers: Path | None = None,
) -> Subject:
    """Load a base model, with the adapter of a folder if one is given.

    Its answers are kept in the folder `answers`, if one is given.
    Raises NoSuchModel, also for a folder without a whole adapter, or with that of another base.
    """
    base = load_base(settings)
    if adapter is None:
        adapted = adapt(base, settings, AdapterSettings(rank=1, targets=("q_proj",)))
    else:
        from peft import PeftModel

        try:
            with readable(str(adapter)):
                adapted = PeftModel.from_pretrained(base, str(adapter))
        except RuntimeError as error:  # torch's, of shapes that differ
            why = f"it is for another base than {settings.name}"
            raise NoSuchModel(str(adapter), why) from error
    model = NextToken(adapted, compute_type(settings))
    device = next(model.parameters()).device
    if answers is None:
        return Subject(model, tokenizer, device)
    told = describe(settings, adapter, base, tokenizer, device)
    return Subject(model, tokenizer, device, Answers(answers, told))
