"""Samples of a split: cut to fit a row, tokenised once, stored, mapped into memory when read."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from corpus.atomic import canonical_json, sha256_file, sweep, whole_folder
from corpus.untrusted import check_name, parse_object
from train.dataset.packing import SampleGroup
from train.errors import TrainError
from train.tokenizer.interface import (
    Ids,
    MalformedConversation,
    Message,
    Sample,
    Tokenizer,
)

Reason = Literal[
    "empty",
    "longer_than_context",
    "nothing_to_learn",
    "malformed_conversation",
    "tool_turns",
    "in_held_out",
]
"""Why there is no sample."""


@dataclass(frozen=True, slots=True)
class Document:
    """A text to continue."""

    source: str
    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages, of which the assistant's are to be learned."""

    source: str
    key: str
    messages: tuple[Message, ...]
    left_out: "Reason | None" = None
    """Why there are none."""


AHEAD = 8
"""Characters that are encoded for each token that there is room for: more than any code takes."""


@dataclass(frozen=True, slots=True)
class CountedSample:
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
    item: Document | Conversation, tokenizer: Tokenizer, shape: Shape
) -> Iterator[CountedSample | Reason]:
    """Yield the samples of a text or conversation, or why it has none."""
    if isinstance(item, Conversation):
        yield _conversation(item, tokenizer, shape)
    elif item.text.strip():
        yield from _document(item, tokenizer, shape)
    else:
        yield "empty"


def _conversation(item: Conversation, tokenizer: Tokenizer, shape: Shape) -> CountedSample | Reason:
    """Return the sample whole: an answer cut short would teach to stop there."""
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
    return CountedSample(sample, sum(len(answer.encode()) for answer in answers))


def _document(item: Document, tokenizer: Tokenizer, shape: Shape) -> Iterator[CountedSample]:
    seed = int.from_bytes(hashlib.sha256(f"{shape.seed}:{item.key}".encode()).digest()[:8], "big")
    size = len(item.text.encode())
    if seed / 2**64 < shape.infilling_rate:
        infilled = tokenizer.infilling(item.text, seed)
        if infilled is not None and len(infilled.ids) <= shape.length:
            yield CountedSample(infilled, size)
            return
    whole = tokenizer.document(item.text)
    if len(whole.ids) <= shape.length:
        yield CountedSample(whole, size)
    else:
        yield from _pieces(item.text, whole.ids, tokenizer, shape.length)


def _pieces(text: str, whole: Ids, tokenizer: Tokenizer, length: int) -> Iterator[CountedSample]:
    """Cut a long text into pieces that are trained on apart; only the last one ends.

    Every piece but the last fills a row as well as whole lines can: pieces of half a row would
    leave the other half empty. `whole` is the text as a document.
    """
    empty = tokenizer.document("").ids
    begin, end = empty[:-1], empty[-1:]
    ids, room = whole[len(begin) : len(whole) - len(end)], length - len(begin) - len(end)
    at, known = 0, len(text)  # `ids` are those of the text between
    while len(ids) > room:
        part, taken = _beginning(text[at:known], ids, tokenizer, room)
        yield CountedSample(_learned(np.concatenate([begin, taken])), len(part.encode()))
        at += len(part)
        is_clean = np.array_equal(ids[: len(taken)], taken)
        ids = ids[len(taken) :]
        if not is_clean or (len(ids) <= room and known < len(text)):
            ids, known = _ahead(text, at, tokenizer, room)
    yield CountedSample(_learned(np.concatenate([begin, ids, end])), len(text[at:].encode()))


def _ahead(text: str, at: int, tokenizer: Tokenizer, room: int) -> tuple[Ids, int]:
    """Return ids of a text from `at` on, more than fit if there are, and where they end.

    Not of all that is left: a text without lines would be encoded once a piece.
    """
    known = min(at + AHEAD * room, len(text))
    ids = tokenizer.encode(text[at:known])
    while len(ids) <= room and known < len(text):
        known = min(at + 2 * (known - at), len(text))
        ids = tokenizer.encode(text[at:known])
    return ids, known


def _beginning(text: str, ids: Ids, tokenizer: Tokenizer, room: int) -> tuple[str, Ids]:
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


def _learned(ids: Ids) -> Sample:
    """Return ids all of which but the first carry loss."""
    targets = np.ones(len(ids), dtype=np.bool_)
    targets[:1] = False
    return Sample(ids, targets)


FORMAT = 1
META = "meta.json"
ARRAYS: dict[str, type[np.generic]] = {
    "ids": np.int32,
    "targets": np.bool_,
    "ends": np.int64,
    "learned": np.int32,
    "bytes": np.int64,
    "source": np.int16,
}
"""`ids` and `targets` hold a number a token, the others a number a sample: where it ends, how many
of its tokens carry loss, the bytes that they stand for, and the number of its source."""

Numbers = npt.NDArray[Any]


class DamagedTokens(TrainError):
    """Stored token ids are not what was written."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(
            f"{folder}: {why}. Remove that folder; the same command makes it again from the "
            "release."
        )


@dataclass(frozen=True, slots=True)
class TokenStore:
    """Samples of one split, by number."""

    sources: tuple[str, ...]
    dropped: dict[str, dict[str, int]]
    """By source and reason."""
    arrays: dict[str, Numbers]
    identity: str
    """SHA-256 of what tells all of that, with every file's digest."""

    def sample(self, number: int) -> Sample:
        """Return a sample; several threads may ask."""
        ends = self.arrays["ends"]
        begin = int(ends[number - 1]) if number else 0
        end = int(ends[number])
        return Sample(self.arrays["ids"][begin:end], self.arrays["targets"][begin:end])

    def lengths(self) -> Numbers:
        """Return the tokens of every sample."""
        return np.diff(self.arrays["ends"], prepend=0)

    def by_source(self) -> list[SampleGroup]:
        """Return the sources that have samples, in the order in which they came."""
        lengths, source = self.lengths(), self.arrays["source"]
        found = []
        for number, name in enumerate(self.sources):
            samples = np.flatnonzero(source == number)
            if len(samples):
                found.append(SampleGroup(name, samples, int(lengths[samples].sum())))
        return found


def write_store(folder: Path, items: Iterator[tuple[str, CountedSample | Reason]]) -> None:
    """Write samples, each with its source's name, as the folder `folder`, whole or not at all."""
    sweep(folder.parent)
    sources: dict[str, int] = {}
    dropped: dict[str, Counter[str]] = defaultdict(Counter)
    end = 0
    with whole_folder(folder) as temporary:
        with ExitStack() as opened:
            files = {
                name: opened.enter_context((temporary / f"{name}.bin").open("wb"))
                for name in ARRAYS
            }
            for source, item in items:
                number = sources.setdefault(source, len(sources))
                if isinstance(item, str):
                    dropped[source][item] += 1
                    continue
                ids, targets = item.sample.ids, item.sample.targets
                end += len(ids)
                row = (ids, targets, end, int(targets.sum()), item.bytes, number)
                for (name, kind), value in zip(ARRAYS.items(), row, strict=True):
                    files[name].write(np.asarray(value, dtype=kind).tobytes())
        meta = {
            "format": FORMAT,
            "sources": list(sources),
            "dropped": {source: dict(sorted(each.items())) for source, each in dropped.items()},
            "files": {f"{name}.bin": sha256_file(temporary / f"{name}.bin") for name in ARRAYS},
        }
        (temporary / META).write_bytes(canonical_json(meta))


def read_store(folder: Path) -> TokenStore:
    """Open a store. Raises DamagedTokens if any file is not what was written."""
    try:
        meta = parse_object((folder / META).read_bytes())
        for name, expected in meta["files"].items():
            check_name("file of a store", name)
            if sha256_file(folder / name) != expected:
                raise DamagedTokens(folder, f"{name} was altered")
        arrays = {name: _mapped(folder / f"{name}.bin", kind) for name, kind in ARRAYS.items()}
        identity = sha256_file(folder / META)
        return TokenStore(tuple(meta["sources"]), meta["dropped"], arrays, identity)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedTokens(folder, f"it cannot be read ({error})") from error


def _mapped(path: Path, kind: type[np.generic]) -> Numbers:
    if not path.stat().st_size:
        return np.empty(0, dtype=kind)
    return np.memmap(path, dtype=kind, mode="r")
