"""The rows of a stage, epoch by epoch: a pure function of the store, the mixture and a seed."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TypedDict

import numpy as np

from corpus.atomic import canonical_json
from corpus.progress import Progress
from corpus.release import Release
from train.dataset.packing import Integers, Mixture, PackedRow, mix, pack, packed
from train.dataset.sources import (
    CONTEXT,
    EVERY_SCORE,
    REPLAY,
    Chats,
    NoReplayText,
    contexts,
    conversations,
    documents,
    held_out_answers,
    is_held_out,
    replayed,
)
from train.dataset.store import (
    FORMAT,
    Conversation,
    CountedSample,
    Document,
    Reason,
    Shape,
    TokenStore,
    read_store,
    samples_of,
    write_store,
)
from train.errors import TrainError
from train.recipe import DataSettings, Recipe
from train.tokenizer.interface import Tokenizer

HELD_OUT = "validation"
"""The split that is measured during a run; `test` is for what comes after."""
PLANS = 2
"""Epochs whose plans are kept: the one that is read and the next."""


@dataclass(frozen=True, slots=True)
class RowPlan:
    """Which samples stand in which row of an epoch."""

    samples: Integers
    """Row after row."""
    ends: Integers
    """Where each row ends in `samples`."""

    def row(self, number: int) -> list[int]:
        """Return the samples of a row."""
        begin = int(self.ends[number - 1]) if number else 0
        samples: list[int] = self.samples[begin : int(self.ends[number])].tolist()
        return samples


class SourceCounts(TypedDict):
    """What a stage reads of one source."""

    samples: int
    tokens: int
    bytes: int


class StageData(TypedDict):
    """What run.json tells of a stage's rows."""

    sources: dict[str, SourceCounts]
    passes: dict[str, float]
    """Passes of an epoch over each source."""
    dropped: dict[str, dict[str, int]]
    """Samples left out, by source and reason."""
    rows: int
    """Of the first epoch, as is what follows."""
    tokens: int
    fill: float
    """The share of the rows that is not padding."""


class Rows:
    """What the training loop reads: any row of any epoch, in any order, from any thread."""

    def __init__(
        self, store: TokenStore, mixture: Mixture, length: int, pad: int, seed: int
    ) -> None:
        self.store = store
        self.mixture = mixture
        self.length = length
        self.pad = pad
        self.seed = seed
        self._lengths = store.lengths()
        self.plan = lru_cache(maxsize=PLANS)(self._planned)

    @property
    def identity(self) -> str:
        """SHA-256 of the tokens that the rows are made of."""
        return self.store.identity

    def rows_in(self, epoch: int) -> int:
        """Return the rows of an epoch, counted from 0."""
        return len(self.plan(epoch).ends)

    def row(self, epoch: int, number: int) -> PackedRow:
        """Return a row."""
        samples = self.plan(epoch).row(number)
        read = [self.store.sample(each) for each in samples]
        size = int(self.store.arrays["bytes"][samples].sum())
        return pack(read, size, self.length, self.pad)

    def targets_of(self, epoch: int, number: int) -> int:
        """Return how many tokens of a row carry loss, without reading it."""
        return int(self.store.arrays["learned"][self.plan(epoch).row(number)].sum())

    def tokens(self, epoch: int) -> int:
        """Return the tokens of an epoch, padding left out."""
        return int(self._lengths[self.plan(epoch).samples].sum())

    @property
    def context(self) -> float:
        """The mean length of the sample that a token of the first epoch stands in."""
        lengths = self._lengths[self.plan(0).samples].astype(np.float64)
        return float((lengths**2).sum() / lengths.sum())

    def describe(self) -> StageData:
        """Return what run.json tells of the data."""
        rows, tokens = self.rows_in(0), self.tokens(0)
        sources = {
            source.name: SourceCounts(
                samples=len(source.samples),
                tokens=source.tokens,
                bytes=int(self.store.arrays["bytes"][source.samples].sum()),
            )
            for source in self.store.by_source()
        }
        return StageData(
            sources=sources,
            passes={source.name: passes for source, passes in self.mixture.parts},
            dropped=self.store.dropped,
            rows=rows,
            tokens=tokens,
            fill=tokens / (rows * self.length),
        )

    def _planned(self, epoch: int) -> RowPlan:
        """Plan an epoch; `plan` keeps the last ones."""
        generator = np.random.Generator(np.random.PCG64([self.seed, epoch]))
        chosen = generator.permutation(self.mixture.epoch(epoch))
        rows = packed(self._lengths[chosen], self.length)
        ordered = [rows[number] for number in generator.permutation(len(rows)).tolist()]
        samples = np.array([sample for row in ordered for sample in row], dtype=np.int64)
        ends = np.cumsum([len(row) for row in ordered], dtype=np.int64)
        return RowPlan(chosen[samples], ends)


CONFIGS = {1: "documents", 2: "instruct"}
"""What each stage reads of a release, unless `contexts` are asked for."""


class EmptyMixture(TrainError):
    """There is nothing to read."""

    def __init__(self, release: Path, stage: int, split: str, table: str) -> None:
        advice = (
            "Build the release with `tokens` above 0 in the section [context] of its configuration"
            if table == CONTEXT
            else "Take a release of more packages"
        )
        super().__init__(
            f"{release}: the split {split} has no row of {table} that fits, so stage "
            f"{stage} has nothing to read. {advice}, longer rows "
            "(--length), another mixture, or leave the stage out (--stages)."
        )


def prepare(
    release: Release,
    stage: int,
    split: str,
    recipe: Recipe,
    tokenizer: Tokenizer,
    work: Path,
    progress: Progress,
    chats: Sequence[Chats] = (),
) -> Rows:
    """Tokenise a split once and return its rows.

    `chats` are those that `train.dataset.sources.open_chats` opened for the stage. Held-out splits
    are read in one pass over everything, without chats, replay or infilling. Raises EmptyMixture,
    UnknownSource, EpochTooLong, NoReplayText, NoScores, UnsupportedRow, InfillingUnsupported and
    DamagedTokens.
    """
    settings = (recipe.stage1 if stage == 1 else recipe.stage2).data
    if split != "train":
        settings, chats = DataSettings(), ()
    table = CONTEXT if settings.contexts else CONFIGS[stage]
    shape = Shape(recipe.length, settings.infilling_rate if stage == 1 else 0.0, recipe.seed)
    if shape.infilling_rate:
        tokenizer.infilling_prompt("", "")
    replay = Path(settings.replay.path) if settings.replay.path else None
    made_of: dict[str, object] = {
        "format": FORMAT,
        "release": release.identity,
        "tokenizer": tokenizer.identity,
        "length": shape.length,
        "infilling_rate": shape.infilling_rate,
        "seed": shape.seed if shape.infilling_rate else None,
        "replay": _state_of(replay) if replay else None,
    }
    if table == CONTEXT:
        made_of["table"] = table
    if stage == 1 and tuple(settings.scores) != EVERY_SCORE:
        made_of["scores"] = list(settings.scores)
    if chats:
        made_of["chats"] = [[each.name, each.sha256] for each in chats]
    digest = hashlib.sha256(canonical_json(made_of)).hexdigest()[:16]
    folder = work / f"stage{stage}-{split}-{digest}"
    if not folder.exists():
        count = sum(shard.rows for shard in release.shards(table, split))
        count += sum(each.rows for each in chats)
        progress.start(f"tokenise {table} ({split})", count)
        items: Iterable[Document | Conversation]
        if table == CONTEXT:
            items = contexts(release, split)
        elif stage == 1:
            items = documents(release, split, settings.scores)
        else:
            items = conversations(release, split)
        if chats:
            items = chain(items, _own(release, chats))
        write_store(folder, _samples(items, replay, tokenizer, shape, progress))
    store = read_store(folder)
    sources = {source.name: source for source in store.by_source()}
    general = sources.pop(REPLAY, None)
    if replay and general is None:
        raise NoReplayText(replay, "it has no text that fits a row")
    mixture = mix(
        list(sources.values()), general, settings.mixture, settings.replay.share, recipe.seed
    )
    rows = Rows(store, mixture, recipe.length, tokenizer.pad, recipe.seed)
    if not rows.rows_in(0):
        raise EmptyMixture(release.path, stage, split, table)
    return rows


def _own(release: Release, chats: Sequence[Chats]) -> Iterator[Conversation]:
    """Yield own chats; one that answers what is held out is left out."""
    answers = held_out_answers(release)
    for each in chain.from_iterable(source.conversations() for source in chats):
        is_new = each.left_out or not is_held_out(each.messages, answers)
        yield each if is_new else replace(each, messages=(), left_out="in_held_out")


def _samples(
    items: Iterable[Document | Conversation],
    replay: Path | None,
    tokenizer: Tokenizer,
    shape: Shape,
    progress: Progress,
) -> Iterator[tuple[str, CountedSample | Reason]]:
    for item in items:
        for found in samples_of(item, tokenizer, shape):
            yield item.source, found
        progress.advance()
    for text in replayed(replay) if replay else ():
        for found in samples_of(text, tokenizer, shape):
            yield REPLAY, found


def _state_of(path: Path) -> list[tuple[str, int, int]]:
    """Return what tells one state of the replayed files from another."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    stats = [(file.name, file.stat()) for file in files if file.is_file()]
    return [(name, each.st_size, each.st_mtime_ns) for name, each in stats]
