"""Asking a model: a base alone or with an adapter, what it foretells and what it writes.

Answers are kept on disk as they are drawn, so that a killed evaluation goes on where it was.
Programs are not kept: to run them again costs little beside what the model's work costs.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from transformers import StoppingCriteria

from corpus.atomic import canonical_json, sha256_file, write_json
from corpus.untrusted import parse_object
from train.checkpoint import ADAPTER, ADAPTER_SETTINGS
from train.dataset.packing import pack
from train.errors import TrainError
from train.evaluate.problems import Prompt
from train.libraries import device_name, installed
from train.model.generation import before_end, generated
from train.model.loading import NoSuchModel, adapt, compute_type, load_base, place_of, readable
from train.model.next_token import NextToken, batch_of
from train.recipe import AdapterSettings, ModelSettings

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from train.tokenizer.interface import Ids, Sample, Tokenizer

ADAPTER_FILES = (ADAPTER, ADAPTER_SETTINGS)
FORMAT = 1
"""Raise the number when other answers come out of the same question."""
TOOLS = ("torch", "transformers", "peft", "bitsandbytes")
"""Whose versions may change what a model writes."""
UNFINISHED = "\ufffd"
"""What a character decodes to of which only the first bytes have been written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How completions are drawn."""

    temperature: float = 0.2
    """0 takes the likeliest token; 0.2 is what pass@1 is usually drawn at (Chen et al. 2021)."""
    top_p: float = 0.95
    longest: int = 512
    """Tokens of a completion at most."""
    seed: int = 20261101


@dataclass(frozen=True, slots=True)
class Stops:
    """Texts of which the first one written ends an answer."""

    texts: tuple[str, ...] = ()
    skipped: str = ""
    """Characters that an answer may begin with, among which no stop is looked for."""

    def settled(self, text: str) -> bool:
        """Tell whether the end of an answer is known from what is written of it.

        It is not where a longer stop may have begun before the first one that is there whole.
        """
        text = text.rstrip(UNFINISHED).lstrip(self.skipped)
        first = min((at for stop in self.texts if (at := text.find(stop)) >= 0), default=-1)
        return first >= 0 and not any(
            stop.startswith(text[at:])
            for stop in self.texts
            for at in range(max(0, len(text) - len(stop) + 1), first)
        )


NOWHERE = Stops()

Result = TypeVar("Result")


class Subject:
    """Foretells and completes; its adapter can be left out to see the base."""

    def __init__(
        self,
        model: NextToken,
        tokenizer: "Tokenizer",
        device: torch.device,
        answers: "Answers | None" = None,
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
        if whole is not None:  # those of the base alone, whatever run it is the base of
            self.answers = replace(whole, model={**whole.model, "adapter": None})
        try:
            with self.model.adapted.disable_adapter():
                yield
        finally:
            self.answers = whole

    def nats(self, sample: "Sample") -> float:
        """Return the summed negative log-likelihood of the target tokens."""
        row = pack([sample], 0, len(sample.ids), self.tokenizer.pad)
        return float(self.model.token_losses(batch_of([row], self.device)).double().sum())

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
        torch.manual_seed(sampling.seed)
        found = generated(
            self.model.adapted,
            self.tokenizer,
            prompt,
            sampling.longest,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            samples=samples,
            stopping=[Stopping(stops, len(prompt), self.tokenizer)] if stops.texts else [],
        )
        texts = list(map(self.tokenizer.decode, found))
        return texts if sampling.temperature > 0 else texts * samples

    def answer(self, prompt: Prompt, samples: int, sampling: Sampling) -> list[str]:
        """Return `samples` answers: a text is continued, a question answered in a conversation.

        A model knows as many positions as it was trained on, and writes nonsense behind them: of a
        text too long for it the beginning is left out. Half of the positions at least are for the
        text, the others for the answer.
        """
        tokenizer = self.tokenizer
        if prompt.question:  # its stops cut the code in an answer, which is found in the whole
            return self.complete(tokenizer.prompt(prompt.messages), samples, sampling)
        room = max(self.positions - sampling.longest, self.positions // 2)
        ids, begin = tokenizer.document(prompt.text).ids[:-1], int(tokenizer.bos is not None)
        if len(ids) > room:
            ids = np.concatenate([ids[:begin], ids[begin - room :]])
        return self.complete(ids, samples, sampling, Stops(prompt.stop))


@dataclass(frozen=True, slots=True)
class Pair:
    """Two models to compare; they may be one, with its adapter left out for the first."""

    base: Subject
    adapter: Subject

    def both(self, work: Callable[[Subject, str], Result]) -> tuple[Result, Result]:
        """Return what comes of the same work with each; it is told which of the two it has."""
        with self.base.as_base() if self.base is self.adapter else nullcontext():
            base = work(self.base, "base")
        return base, work(self.adapter, "adapter")


def open_subject(
    settings: ModelSettings,
    adapter: Path | None,
    tokenizer: "Tokenizer",
    answers: Path | None = None,
) -> Subject:
    """Load a base model, with the adapter of a folder if one is given.

    Its answers are kept in the folder `answers`, if one is given.
    Raises DamagedAdapter, and NoSuchModel, also for a folder without an adapter, or with that of
    another base.
    """
    base = load_base(settings)
    if adapter is None:
        adapted = adapt(base, settings, AdapterSettings(rank=1, targets=("q_proj",)))
    else:
        from peft import PeftModel

        check_adapter(adapter)
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


class DamagedAdapter(TrainError):
    """A file of an adapter is there and cannot be read."""

    def __init__(self, path: Path, cause: Exception) -> None:
        super().__init__(
            f"{path}: it cannot be read ({cause}). The file was altered or copied badly. Copy the "
            "run's folder again; its checkpoints have the adapter, too."
        )


def check_adapter(folder: Path) -> None:
    """Raise DamagedAdapter where a file of an adapter is cut off or altered.

    What is not there is left to peft, which tells where it looked.
    """
    from safetensors import SafetensorError, safe_open

    weights, settings = (folder / name for name in ADAPTER_FILES)
    try:
        if weights.is_file():
            with safe_open(weights, "pt"):  # reads the header, and compares sizes with it
                pass
    except (OSError, SafetensorError) as error:
        raise DamagedAdapter(weights, error) from error
    try:
        if settings.is_file():
            parse_object(settings.read_bytes())
    except (OSError, ValueError) as error:
        raise DamagedAdapter(settings, error) from error


def describe(
    settings: ModelSettings,
    adapter: Path | None,
    base: "PreTrainedModel",
    tokenizer: "Tokenizer",
    device: "torch.device",
) -> dict[str, object]:
    """Return what answers follow from beside the question.

    Of a name on the Hub the commit that was loaded counts, for a branch moves. Of a folder it is
    its files' sizes and times: to read tens of gigabytes again would cost minutes at every start.
    Of an adapter it is the weights, and the settings, which scale them.
    """
    folder = Path(settings.name)
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    stats = {each.name: each.stat() for each in files if each.is_file()}
    return {
        "name": place_of(settings.name),
        "revision": settings.revision,
        "commit": getattr(base.config, "_commit_hash", None),
        "files": {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()},
        "quantization": settings.quantization,
        "compute": str(compute_type(settings)),
        "adapter": {name: sha256_file(adapter / name) for name in ADAPTER_FILES}
        if adapter
        else None,
        "tokenizer": tokenizer.identity,
        "device": device_name(device),
        "tools": {name: installed(name) for name in TOOLS},
    }


class Stopping(StoppingCriteria):  # type: ignore[misc]  # to mypy it is Any
    """Ends each sequence of a batch by itself, as soon as its end is known."""

    def __init__(self, stops: Stops, begin: int, tokenizer: "Tokenizer") -> None:
        """Look at what stands behind the first `begin` tokens, which are the prompt."""
        self.stops = stops
        self.begin = begin
        self.tokenizer = tokenizer
        self.ended: set[int] = set()

    def __call__(self, input_ids: torch.Tensor, scores: object, **more: object) -> torch.Tensor:
        """Return for each sequence whether it has ended."""
        for number, written in enumerate(input_ids[:, self.begin :].tolist()):
            if number not in self.ended:
                text = self.tokenizer.decode(before_end(written, self.tokenizer))
                if self.stops.settled(text):
                    self.ended.add(number)
        ended = [number in self.ended for number in range(len(input_ids))]
        return torch.tensor(ended, device=input_ids.device)


@dataclass(frozen=True, slots=True)
class Answers:
    """A folder with a file for each question that was asked of a model.

    It is named by the digest of all that the answers follow from.
    """

    folder: Path
    model: Mapping[str, object]

    def recall(self, question: Mapping[str, object], draw: Callable[[], list[str]]) -> list[str]:
        """Return the answers to a question: those that are there, else drawn ones, then kept.

        A file that is damaged counts as absent.
        """
        name = digest([FORMAT, self.model, question])
        path = self.folder / f"{name}.json"
        with suppress(FileNotFoundError, ValueError, KeyError, TypeError):
            told = parse_object(path.read_bytes())
            if told["sha256"] == digest([name, told["answers"]]):
                return list(told["answers"])
        found = draw()
        write_json(path, {"answers": found, "sha256": digest([name, found])})
        return found


def digest(value: object) -> str:
    """Return the SHA-256 of a value as JSON."""
    return hashlib.sha256(canonical_json(value)).hexdigest()
