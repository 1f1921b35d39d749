"""What a run is of: release, model, data, tools and machine, written beside it."""

from collections import Counter
from pathlib import Path
from typing import TypedDict

from corpus.atomic import write_json
from train.dataset.rows import StageData
from train.duration import peak_flops, token_flops
from train.libraries import device_name, installed
from train.loop.processes import Processes
from train.machine import shape_of
from train.material import Material
from train.model.fingerprint import of_unquantised
from train.model.loading import place_of
from train.model.next_token import NextToken
from train.recipe import Recipe

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
    path: Path, recipe: Recipe, material: Material, model: NextToken, processes: Processes
) -> None:
    """Write run.json, whole or not at all."""
    release, device = material.release, device_name(processes.device)
    described: dict[str, object] = {
        "release": {
            "version": release.manifest.version,
            "sha256": release.identity,
            "place": str(release.path),
        },
        "model": describe_model(recipe, model),
        "tokenizer": material.tokenizer.identity,
        "system_prompt": material.tokenizer.system,
        "data": {f"stage{number}": describe_data(material, number) for number in (1, 2)},
        "chats": [each.describe() for each in material.chats],
        "tools": {name: found for name in TOOLS if (found := installed(name))},
        "device": {"name": device, "count": processes.count, "peak_flops": peak_flops(device)},
        "world_size": processes.count,
    }
    write_json(path, described)


def describe_model(recipe: Recipe, model: NextToken) -> dict[str, object]:
    """Return what is trained: name, revision, shape and how many weights move.

    The fingerprint is that of the base, and the same in 16 bits, so that an export can tell whether
    it is given the same model; null where there is none.
    """
    shape = shape_of(recipe)
    return {
        "name": place_of(recipe.model.name),
        "revision": recipe.model.revision,
        "architecture": shape.model_type if shape else None,
        "parameters": shape.parameters.total if shape else None,
        "fingerprint": of_unquantised(model.adapted),
        "trained": sum(weight.numel() for weight in model.trained().values()),
    }


def describe_data(material: Material, stage: int) -> dict[str, StageData]:
    """Return what a stage reads, by split."""
    splits = {"train": material.training, "validation": material.held_out}
    return {name: rows[stage].describe() for name, rows in splits.items() if stage in rows}


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
        stage: token_flops(shape, recipe, rows.context).model if shape else 0.0
        for stage, rows in material.training.items()
    }
