"""What a run is made of: a verified release, its tokenizer, and packed rows of every split."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.progress import Progress
from corpus.release import DamagedRelease, Release, verify
from train.dataset.rows import HELD_OUT, Rows
from train.dataset.sources import Chats
from train.errors import TrainError
from train.recipe import Recipe
from train.tokenizer.interface import Tokenizer


class GateNotPassed(TrainError):
    """The release is a candidate, or failed its gate."""

    def __init__(self, path: Path, failed: tuple[str, ...]) -> None:
        why = f"failed {', '.join(failed)}" if failed else "has not passed its gate"
        super().__init__(
            f"{path}: the release {why}. Run `python -m quality gate {path}` to see why, and train "
            "on a release that `python -m corpus build` named."
        )


class ForeignTokenizer(TrainError):
    """The rows have ids that the model has no embeddings for."""

    def __init__(self, largest: int, vocabulary: int) -> None:
        super().__init__(
            f"the tokenizer gives ids up to {largest:,}, and the model has {vocabulary:,} tokens. "
            "Take the model's own: leave --model.tokenizer empty, or fetch the model again."
        )


@dataclass(frozen=True, slots=True)
class Material:
    """Rows by stage, and what they come from."""

    release: Release
    tokenizer: Tokenizer
    training: dict[int, Rows]
    held_out: dict[int, Rows]
    remembered: Rows | None = None
    """Training rows of stage 1, where stage 2 is held to what it learned from them."""
    chats: Sequence[Chats] = ()
    """Own chats that stage 2 reads besides."""


def open_verified(path: Path) -> Release:
    """Open a release that is what its manifest says and has passed its gate.

    Raises NotARelease, MalformedManifest, DamagedRelease and GateNotPassed.
    """
    release = Release.open(path)
    gate = release.manifest.gate
    if gate is None or gate.outcome != "passed":
        raise GateNotPassed(path, gate.failed if gate else ())
    if problems := verify(release):
        raise DamagedRelease(release, problems)
    return release


def gather(
    release: Release,
    recipe: Recipe,
    tokenizer: Tokenizer,
    chats: Sequence[Chats],
    work: Path,
    progress: Progress,
) -> Material:
    """Lay out the rows of the stages that are enabled, and the held-out rows of both.

    Consolidation needs the training rows of stage 1 also where that stage was taken before.

    What a stage that is not enabled lacks is left out. Raises what `train.dataset.rows.prepare`
    does.
    """
    from train.dataset.rows import EmptyMixture, prepare
    from train.tokenizer.conversation import NoChatTemplate, UnusableTemplate

    lacking = (EmptyMixture, NoChatTemplate, UnusableTemplate)
    enabled = {1: recipe.stage1.enabled, 2: recipe.stage2.enabled}
    training: dict[int, Rows] = {}
    held_out: dict[int, Rows] = {}
    for stage, is_enabled in enabled.items():
        if is_enabled:
            own = chats if stage == 2 else ()
            training[stage] = prepare(
                release, stage, "train", recipe, tokenizer, work, progress, own
            )
        try:
            held_out[stage] = prepare(release, stage, HELD_OUT, recipe, tokenizer, work, progress)
        except lacking:
            if is_enabled:
                raise
    remembered = training.get(1)
    if remembered is None and recipe.elastic.strength:
        remembered = prepare(release, 1, "train", recipe, tokenizer, work, progress)
    return Material(release, tokenizer, training, held_out, remembered, chats)


def check_vocabulary(material: Material, vocabulary: int) -> None:
    """Raise ForeignTokenizer if any id is not below `vocabulary`, how many tokens a model knows."""
    for rows in (*material.training.values(), *material.held_out.values()):
        largest = max(rows.pad, int(rows.store.arrays["ids"].max()))
        if largest >= vocabulary:
            raise ForeignTokenizer(largest, vocabulary)
