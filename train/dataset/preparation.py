"""From a split of a release to the rows of a stage."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.atomic import canonical_json
from corpus.progress import Progress
from corpus.release import Release
from train.dataset.chats import Chats, held_out_answers, is_held_out
from train.dataset.mixture import mix
from train.dataset.rows import Rows
from train.dataset.samples import Kept, Shape, samples_of
from train.dataset.sources import (
    REPLAY,
    Conversation,
    Document,
    NoReplayText,
    Reason,
    conversations,
    documents,
    replayed,
)
from train.dataset.store import FORMAT, TokenStore, read_store, write_store
from train.errors import TrainError
from train.recipe import DataSettings

if TYPE_CHECKING:
    from train.recipe import Recipe
    from train.tokenizer.interface import Tokenizer

CONFIGS = {1: "documents", 2: "instruct"}
"""What each stage reads of a release."""


class EmptyMixture(TrainError):
    """There is nothing to read."""

    def __init__(self, release: Path, stage: int, split: str) -> None:
        super().__init__(
            f"{release}: the split {split} has no row of {CONFIGS[stage]} that fits, so stage "
            f"{stage} has nothing to read. Take a release of more packages, longer rows "
            "(--length), another mixture, or leave the stage out (--stages)."
        )


def prepare(
    release: Release,
    stage: int,
    split: str,
    recipe: "Recipe",
    tokenizer: "Tokenizer",
    work: Path,
    progress: Progress,
    chats: Sequence[Chats] = (),
) -> Rows:
    """Tokenise a split once and return its rows.

    `chats` are those that `train.dataset.chats.open_chats` opened for the stage. Held-out splits
    are read in one pass over everything, without chats, replay or infilling. Raises EmptyMixture,
    UnknownSource, EpochTooLong, NoReplayText, UnsupportedRow, InfillingUnsupported and
    DamagedTokens.
    """
    settings = (recipe.stage1 if stage == 1 else recipe.stage2).data
    if split != "train":
        settings, chats = DataSettings(), ()
    shape = Shape(recipe.length, settings.infilling_rate if stage == 1 else 0.0, recipe.seed)
    if shape.infilling_rate:
        tokenizer.infilling_prompt("", "")
    replay = Path(settings.replay.path) if settings.replay.path else None
    folder = work / f"stage{stage}-{split}-{_digest(release, shape, tokenizer, replay, chats)}"
    store = _stored(folder, release, stage, split, shape, replay, chats, tokenizer, progress)
    sources = {source.name: source for source in store.by_source()}
    general = sources.pop(REPLAY, None)
    if replay and general is None:
        raise NoReplayText(replay, "it has no text that fits a row")
    mixture = mix(
        list(sources.values()), general, settings.mixture, settings.replay.share, recipe.seed
    )
    rows = Rows(store, mixture, recipe.length, tokenizer.pad, recipe.seed)
    if not rows.rows_in(0):
        raise EmptyMixture(release.path, stage, split)
    return rows


def _digest(
    release: Release,
    shape: Shape,
    tokenizer: "Tokenizer",
    replay: Path | None,
    chats: Sequence[Chats],
) -> str:
    made_of: dict[str, Any] = {
        "format": FORMAT,
        "release": release.identity,
        "tokenizer": tokenizer.identity,
        "length": shape.length,
        "infilling_rate": shape.infilling_rate,
        "seed": shape.seed if shape.infilling_rate else None,
        "replay": _state_of(replay) if replay else None,
    }
    if chats:
        made_of["chats"] = [[each.name, each.sha256] for each in chats]
    return hashlib.sha256(canonical_json(made_of)).hexdigest()[:16]


def _stored(
    folder: Path,
    release: Release,
    stage: int,
    split: str,
    shape: Shape,
    replay: Path | None,
    chats: Sequence[Chats],
    tokenizer: "Tokenizer",
    progress: Progress,
) -> TokenStore:
    """Return the store of that name; existing means done."""
    if not folder.exists():
        rows = sum(shard.rows for shard in release.shards(CONFIGS[stage], split))
        rows += sum(each.rows for each in chats)
        progress.start(f"tokenise {CONFIGS[stage]} ({split})", rows)
        items: Iterable[Document | Conversation] = (
            documents(release, split) if stage == 1 else conversations(release, split)
        )
        if chats:
            items = chain(items, _own(release, chats))
        write_store(folder, _samples(items, replay, tokenizer, shape, progress))
    return read_store(folder)


def _own(release: Release, chats: Sequence[Chats]) -> Iterator[Conversation]:
    """Yield own chats; one that answers what is held out is left out."""
    answers = held_out_answers(release)
    for each in chain.from_iterable(source.conversations() for source in chats):
        is_new = each.left_out or not is_held_out(each.messages, answers)
        yield each if is_new else replace(each, messages=(), left_out="in_held_out")


def _samples(
    items: Iterable[Document | Conversation],
    replay: Path | None,
    tokenizer: "Tokenizer",
    shape: Shape,
    progress: Progress,
) -> Iterator[tuple[str, Kept | Reason]]:
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
