"""From texts and conversations to samples that fit a row, or a reason why there is none."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from train.dataset.sources import Conversation, Document, Reason
from train.tokenizer.interface import Ids, Sample

if TYPE_CHECKING:
    from train.tokenizer.interface import Tokenizer


AHEAD = 8
"""Characters that are encoded for each token that there is room for: more than any code takes."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A sample, and the UTF-8 bytes that its target tokens stand for."""

    sample: Sample
    bytes: int


@dataclass(frozen=True, slots=True)
class Shape:
    """What samples must be like."""

    length: int
    """Tokens at most."""
    infilling_rate: float
    seed: int


def samples_of(
    item: Document | Conversation, tokenizer: "Tokenizer", shape: Shape
) -> Iterator[Kept | Reason]:
    """Yield the samples of a text or conversation, or why it has none."""
    if isinstance(item, Conversation):
        yield _conversation(item, tokenizer, shape)
    elif item.text.strip():
        yield from _document(item, tokenizer, shape)
    else:
        yield "empty"


def _conversation(item: Conversation, tokenizer: "Tokenizer", shape: Shape) -> Kept | Reason:
    """Return the sample whole: an answer cut short would teach to stop there."""
    from train.tokenizer.interface import MalformedConversation

    if item.left_out is not None:
        return item.left_out
    try:
        sample = tokenizer.conversation(item.messages)
    except MalformedConversation:  # as of text that uses every private character
        return "malformed_conversation"
    if len(sample.ids) > shape.length:
        return "longer_than_context"
    if not sample.targets.any():
        return "nothing_to_learn"
    answers = [m["content"] for m in item.messages if m["role"] == "assistant"]
    return Kept(sample, sum(len(answer.encode()) for answer in answers))


def _document(item: Document, tokenizer: "Tokenizer", shape: Shape) -> Iterator[Kept]:
    seed = int.from_bytes(hashlib.sha256(f"{shape.seed}:{item.key}".encode()).digest()[:8], "big")
    size = len(item.text.encode())
    if seed / 2**64 < shape.infilling_rate:
        infilled = tokenizer.infilling(item.text, seed)
        if infilled is not None and len(infilled.ids) <= shape.length:
            yield Kept(infilled, size)
            return
    whole = tokenizer.document(item.text)
    if len(whole.ids) <= shape.length:
        yield Kept(whole, size)
    else:
        yield from _pieces(item.text, whole.ids, tokenizer, shape.length)


def _pieces(text: str, whole: Ids, tokenizer: "Tokenizer", length: int) -> Iterator[Kept]:
    """Cut a long text into pieces that are trained on apart; only the last one ends.

    Every piece but the last fills a row as well as whole lines can: pieces of half a row would
    leave the other half empty. `whole` is the text as a document.
    """
    begin, end = _frame(tokenizer)
    ids, room = whole[len(begin) : len(whole) - len(end)], length - len(begin) - len(end)
    at, known = 0, len(text)  # `ids` are those of the text between
    while len(ids) > room:
        part, taken = _beginning(text[at:known], ids, tokenizer, room)
        yield Kept(_learned(np.concatenate([begin, taken])), len(part.encode()))
        at += len(part)
        is_clean = np.array_equal(ids[: len(taken)], taken)
        ids = ids[len(taken) :]
        if not is_clean or (len(ids) <= room and known < len(text)):
            ids, known = _ahead(text, at, tokenizer, room)
    yield Kept(_learned(np.concatenate([begin, ids, end])), len(text[at:].encode()))


def _ahead(text: str, at: int, tokenizer: "Tokenizer", room: int) -> tuple[Ids, int]:
    """Return ids of a text from `at` on, more than fit if there are, and where they end.

    Not of all that is left: a text without lines would be encoded once a piece.
    """
    known = min(at + AHEAD * room, len(text))
    ids = tokenizer.encode(text[at:known])
    while len(ids) <= room and known < len(text):
        known = min(at + 2 * (known - at), len(text))
        ids = tokenizer.encode(text[at:known])
    return ids, known


def _beginning(text: str, ids: Ids, tokenizer: "Tokenizer", room: int) -> tuple[str, Ids]:
    """Return the lines from the beginning of a text that fit, with their ids.

    Of a line that does not fit by itself, its beginning.
    """
    fits = len(tokenizer.decode(ids[:room]))
    while True:
        lines = text.rfind("\n", 0, max(0, fits - 1)) + 1
        part = text[: lines or max(1, fits - 1)]
        taken = tokenizer.encode(part)
        if len(taken) <= room or len(part) == 1:
            return part, taken
        fits = len(part) * 3 // 4


def _frame(tokenizer: "Tokenizer") -> tuple[Ids, Ids]:
    """Return what a document begins and ends with."""
    empty = tokenizer.document("").ids
    return empty[:-1], empty[-1:]


def _learned(ids: Ids) -> Sample:
    """Return ids all of which but the first carry loss."""
    targets = np.ones(len(ids), dtype=np.bool_)
    targets[:1] = False
    return Sample(ids, targets)
