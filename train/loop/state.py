"""What a checkpoint holds: written file by file, read back into a model and its optimizer."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from corpus.atomic import write_json
from corpus.untrusted import check_counts, parse_object
from train.checkpoint.reading import DamagedCheckpoint
from train.checkpoint.writing import SELECTION
from train.errors import TrainError
from train.loop.consolidation import Consolidation
from train.loop.held_out import Selection
from train.loop.randomness import read_generators, write_generators

ADAPTER = "adapter_model.safetensors"
ADAPTER_SETTINGS = "adapter_config.json"
OPTIMIZER = "optimizer.pt"
GENERATORS = "generators.json"
ANCHOR = "anchor.safetensors"
FISHER = "fisher.safetensors"
SCALING = ("lora_alpha", "use_rslora")
"""What scales an adapter's update, in peft's names; its weights do not tell."""


class UnfitAdapter(TrainError):
    """An adapter cannot be put into the model."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(
            f"{folder}: {why}. Name a folder with an adapter that was trained on this base model "
            "with the same --adapter.rank, targets, alpha, rslora and dora."
        )


class UnfitOptimizer(TrainError):
    """The optimizer's state cannot be put back."""

    def __init__(self, path: Path, error: Exception) -> None:
        said = (str(error).splitlines() or [""])[0]
        super().__init__(
            f"{path}: no state of this optimizer ({type(error).__name__}: {said}). The checkpoint "
            "was altered: go on from another with --resume, or begin anew."
        )


UNREADABLE = (
    *(AttributeError, EOFError, KeyError, OSError, RuntimeError, TypeError, ValueError),
    UnpicklingError,
)
"""What torch raises for a file that is no state dictionary of an optimizer."""

Write = Callable[[Path], None]


def adapter_files(adapted: Any) -> dict[str, Write]:
    """Return how to write an adapter in peft's format, by file name."""
    return {
        ADAPTER: lambda path: _write_tensors(adapter_weights(adapted), path),
        ADAPTER_SETTINGS: lambda path: _write_settings(adapted, path),
    }


def state_files(
    adapted: Any,
    optimizer: torch.optim.Optimizer,
    consolidation: Consolidation | None,
    selection: Selection | None,
) -> dict[str, Write]:
    """Return how to write all that a run needs to go on, by file name."""
    files: dict[str, Write] = {
        **adapter_files(adapted),
        OPTIMIZER: lambda path: torch.save(optimizer.state_dict(), path),
        GENERATORS: write_generators,
    }
    if consolidation is not None:
        files[ANCHOR] = lambda path: _write_tensors(consolidation.anchor, path)
        files[FISHER] = lambda path: _write_tensors(consolidation.fisher, path)
    if selection is not None:
        files[SELECTION] = lambda path: write_json(path, asdict(selection))
    return files


def adapter_weights(adapted: Any) -> dict[str, torch.Tensor]:
    """Return the weights of an adapter under peft's names."""
    from peft import get_peft_model_state_dict

    state = get_peft_model_state_dict(adapted, save_embedding_layers=False)
    return {name: weight.detach().cpu().contiguous() for name, weight in state.items()}


def read_adapter(adapted: Any, folder: Path) -> None:
    """Put the weights of an adapter into a model that was adapted alike.

    Raises UnfitAdapter if they are not there, are those of other layers or another rank, or would
    be scaled otherwise than where they were trained.
    """
    from peft import set_peft_model_state_dict
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        weights = load_file(folder / ADAPTER)
        told = parse_object((folder / ADAPTER_SETTINGS).read_bytes())
    except (OSError, SafetensorError, ValueError) as error:
        raise UnfitAdapter(folder, f"its files cannot be read ({error})") from error
    config = adapted.peft_config["default"]
    for name in SCALING:
        if (theirs := told.get(name, False)) != (ours := getattr(config, name)):
            raise UnfitAdapter(folder, f"its {name} is {theirs!r}, and that of the recipe {ours!r}")
    shapes = {name: weight.shape for name, weight in adapter_weights(adapted).items()}
    if {name: weight.shape for name, weight in weights.items()} != shapes:
        raise UnfitAdapter(folder, "its weights are for other layers or of another rank")
    set_peft_model_state_dict(adapted, weights)


def read_optimizer(optimizer: torch.optim.Optimizer, folder: Path) -> None:
    """Put moments and step counts back, and the generators with them.

    Raises UnfitOptimizer and DamagedGenerators.
    """
    try:
        state = torch.load(folder / OPTIMIZER, map_location="cpu", weights_only=True)
        optimizer.load_state_dict(state)
    except UNREADABLE as error:
        raise UnfitOptimizer(folder / OPTIMIZER, error) from error
    read_generators(folder / GENERATORS)


def read_consolidation(folder: Path, strength: float, device: torch.device) -> Consolidation | None:
    """Return what a checkpoint of the second stage is held to, if anything."""
    if not (folder / FISHER).exists():
        return None
    return Consolidation(
        anchor=_read_tensors(folder / ANCHOR, device),
        fisher=_read_tensors(folder / FISHER, device),
        strength=strength,
    )


def read_selection(folder: Path) -> Selection:
    """Return the best measurement of a checkpoint's stage; none was made where none is kept.

    Raises DamagedCheckpoint.
    """
    try:
        told = parse_object((folder / SELECTION).read_bytes())
        check_counts(told["step"], told["since"])
        return Selection(told["step"], float(told["loss"]), told["since"])
    except FileNotFoundError:
        return Selection()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedCheckpoint(folder, f"{SELECTION} cannot be read ({error})") from error


def _read_tensors(path: Path, device: torch.device) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    # safetensors does not know `cpu:0`, as accelerate calls the processor of one of several
    return {name: each.to(device) for name, each in load_file(path).items()}


def _write_tensors(tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    from safetensors.torch import save_file

    flat = {name: each.detach().cpu().contiguous() for name, each in tensors.items()}
    save_file(flat, path, metadata={"format": "pt"})


def _write_settings(adapted: Any, path: Path) -> None:
    settings = adapted.peft_config["default"].to_dict() | {"inference_mode": True}
    plain = {
        name: sorted(value) if isinstance(value, set) else value for name, value in settings.items()
    }
    text = json.dumps(plain, indent=2, sort_keys=True, default=str)
    path.write_text(text + "\n", encoding="utf-8")
