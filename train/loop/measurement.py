"""What is looked at while a model trains: held-out loss, and its answers to a few fixed prompts.

Neither leaves a trace in the training.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import torch

from corpus.release import Release
from train.dataset.rows import HELD_OUT, Rows
from train.dataset.sources import conversations, documents
from train.loop.processes import Processes
from train.model.generation import generated
from train.model.next_token import NextToken, batch_of
from train.recipe import Recipe
from train.tokenizer.interface import Ids, Message, Tokenizer


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Sums over held-out rows."""

    nats: float
    targets: int
    bytes: int
    """UTF-8 bytes of the target tokens."""

    @property
    def loss(self) -> float:
        """Nats a target token."""
        return self.nats / max(1, self.targets)

    @property
    def bits_per_byte(self) -> float:
        """Bits a byte of text: comparable between tokenizers."""
        return self.nats / math.log(2) / max(1, self.bytes)

    def told(self) -> dict[str, object]:
        """Return what a line of metrics tells of it."""
        return {"loss": self.loss, "bits_per_byte": self.bits_per_byte, "targets": self.targets}


def measure(model: NextToken, rows: Rows, limit: int, processes: Processes) -> HeldOut:
    """Measure the first `limit` rows of the held-out order, 0 for all; processes share them.

    All pass through the model equally often, as a sharded one needs it; who has no row left reads
    the last one and does not count it. The model comes back in training mode.
    """
    count = min(rows.rows_in(0), limit or rows.rows_in(0))
    nats, targets, length = 0.0, 0, 0
    model.eval()
    with torch.no_grad():
        for first in range(0, count, processes.count):
            number = first + processes.rank
            row = rows.row(0, min(number, count - 1))
            losses = model.token_losses(batch_of([row], processes.device))
            if number >= count:
                continue
            nats += float(losses.double().sum())
            targets += row.targets
            length += row.bytes
    model.train()
    summed = processes.sums([nats, targets, length])
    return HeldOut(summed[0], int(summed[1]), int(summed[2]))


BEGINNING = 64
"""Tokens of a document that are continued where there is no chat to be answered."""


Question = tuple[str, Ids]
"""What a report shows of a prompt whose answer is drawn again and again, and the prompt."""


def questions(release: Release, tokenizer: Tokenizer, recipe: Recipe) -> list[Question]:
    """Return the recipe's prompts, or the first held-out chats, each of another kind.

    Where no chat is held out, or the tokenizer has no chat template, held-out documents are
    continued. Prompts too long for a row with their answer are left out.
    """
    from train.tokenizer.conversation import NoChatTemplate, UnusableTemplate

    wanted, room = recipe.samples, recipe.length - recipe.samples.tokens
    try:
        found = list(_chats(release, tokenizer, recipe, room))
    except (NoChatTemplate, UnusableTemplate):
        found = []
    if not found and not wanted.prompts:
        for document in islice(documents(release, HELD_OUT), wanted.count):
            ids = tokenizer.document(document.text).ids[:-1][: max(1, min(BEGINNING, room))]
            found.append((tokenizer.decode(ids), ids))
    return found


def _chats(release: Release, tokenizer: Tokenizer, recipe: Recipe, room: int) -> Iterator[Question]:
    wanted = recipe.samples
    for text in wanted.prompts:
        ids = tokenizer.prompt([{"role": "user", "content": text}])
        if len(ids) <= room:
            yield text, ids
    kinds = set[str]()
    for chat in conversations(release, HELD_OUT) if not wanted.prompts else ():
        if len(kinds) == wanted.count:
            return
        if chat.source not in kinds and chat.messages:
            asked: Sequence[Message] = chat.messages[:-1]
            ids = tokenizer.prompt(asked)
            if len(ids) <= room:
                kinds.add(chat.source)
                yield asked[-1]["content"], ids


def answers(
    model: NextToken, tokenizer: Tokenizer, asked: Sequence[Question], longest: int
) -> list[str]:
    """Return the likeliest answer to each question; the model is left as it was."""
    with undisturbed(model):
        model.eval()
        return [
            tokenizer.decode(generated(model.adapted, tokenizer, ids, longest)[0])
            for _, ids in asked
        ]


@contextmanager
def undisturbed(model: torch.nn.Module) -> Iterator[None]:
    """Put back what generation may change: random numbers, and how each module runs.

    Unsloth switches gradient checkpointing off in modules when it generates.
    """
    names = ("training", "gradient_checkpointing")
    before = [
        (module, {name: vars(module)[name] for name in names if name in vars(module)})
        for module in model.modules()
    ]
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        for module, flags in before:
            vars(module).update(flags)
