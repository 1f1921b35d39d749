"""What a run is of: release, model, data, tools and machine, written beside it."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from corpus.atomic import write_json
from corpus.release import Release
from train.loop.processes import Processes
from train.material import Material
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
    path: Path,
    release: Release,
    recipe: Recipe,
    material: Material,
    model: NextToken,
    processes: Processes,
) -> None:
    """Write run.json, whole or not at all."""
    trained = sum(weight.numel() for weight in model.trained().values())
    described: dict[str, Any] = {
        "release": {
            "version": release.manifest.version,
            "identity": release.identity,
            "place": str(release.path),
        },
        "model": {
            "name": recipe.model.name,
            "revision": recipe.model.revision,
            "quantization": recipe.model.quantization,
            "trained_parameters": trained,
        },
        "tokenizer": material.tokenizer.identity,
        "data": {
            split: {f"stage{number}": rows.describe() for number, rows in by_stage.items()}
            for split, by_stage in (("train", material.training), ("validation", material.held_out))
        },
        "tools": {name: found for name in TOOLS if (found := installed(name))},
        "machine": {"device": device_name(processes.device), "processes": processes.count},
    }
    write_json(path, described)


def installed(name: str) -> str | None:
    """Return the version of an installed package, if it is."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def device_name(device: torch.device) -> str:
    """Return what a driver calls a GPU, else "cpu"."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
