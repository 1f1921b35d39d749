"""What a run is made of, gathered, checked, and told in run.json.

A verified release, its tokenizer, packed rows of every split; beside them model, tools and machine.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from corpus.atomic import write_json
from corpus.progress import Progress
from corpus.release import DamagedRelease, Release, verify
from train.dataset.rows import HELD_OUT, EmptyMixture, Rows, StageData, prepare
from train.dataset.sources import Chats
from train.duration import peak_flops, token_flops
from train.errors import TrainError
from train.libraries import device_name, installed
from train.machine import shape_of
from train.model.loading import place_of
from train.recipe import Recipe
from train.tokenizer.conversation import NoChatTemplate, UnusableTemplate
from train.tokenizer.interface import Tokenizer

if TYPE_CHECKING:
    from train.loop.processes import Processes
    from train.model.next_token import NextToken


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

    Consolidation needs the training rows of stage 1 also where that stage was taken before. What a
    stage that is not enabled lacks is left out. Raises what `train.dataset.rows.prepare` does.
    """
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


TOOLS = (
    "elixir-corpus",
    "torch",
    "transformers",
    "peft",
    "bitsandbytes",
    "accelerate",
    "unsloth",
    "mistral-common",
    "tokenizers",
)


def write_provenance(
    path: Path, recipe: Recipe, material: Material, model: "NextToken", processes: "Processes"
) -> None:
    """Write run.json, whole or not at all."""
    release, device = material.release, device_name(processes.device)
    splits = {"train": material.training, HELD_OUT: material.held_out}
    data = {
        f"stage{stage}": {name: of[stage].describe() for name, of in splits.items() if stage in of}
        for stage in (1, 2)
    }
    described: dict[str, object] = {
        "release": {
            "version": release.manifest.version,
            "sha256": release.identity,
            "place": str(release.path),
        },
        "model": describe_model(recipe, model),
        "tokenizer": material.tokenizer.identity,
        "system_prompt": material.tokenizer.system,
        "data": data,
        "chats": [each.describe() for each in material.chats],
        "tools": {name: found for name in TOOLS if (found := installed(name))},
        "device": {"name": device, "count": processes.count, "peak_flops": peak_flops(device)},
        "world_size": processes.count,
    }
    write_json(path, described)


def describe_model(recipe: Recipe, model: "NextToken") -> dict[str, object]:
    """Return what is trained: name, revision, shape and how many weights move.

    The fingerprint is that of the base, and the same in 16 bits, so that an export can tell whether
    it is given the same model; null where there is none.
    """
    from train.model.fingerprint import of_unquantised

    shape = shape_of(recipe)
    return {
        "name": place_of(recipe.model.name),
        "revision": recipe.model.revision,
        "architecture": shape.model_type if shape else None,
        "parameters": shape.parameters.total if shape else None,
        "fingerprint": of_unquantised(model.adapted),
        "trained": sum(weight.numel() for weight in model.trained().values()),
    }


class LeftOut(TypedDict):
    """Samples that a stage would read, and those left out by reason."""

    samples: int
    reasons: dict[str, int]


def left_out(described: StageData) -> LeftOut:
    """Count what a stage leaves out of what it was given."""
    reasons: Counter[str] = Counter()
    for each in described["dropped"].values():
        reasons.update(each)
    kept = sum(each["samples"] for each in described["sources"].values())
    return LeftOut(samples=kept + reasons.total(), reasons=dict(sorted(reasons.items())))


def training_flops(recipe: Recipe, material: Material) -> dict[int, float]:
    """Return the operations that a token of each stage needs in training; 0 if unknown."""
    shape = shape_of(recipe)
    return {
        stage: token_flops(shape, recipe, rows.context) if shape else 0.0
        for stage, rows in material.training.items()
    }
