"""What a checkpoint holds: written file by file, read back into a model and its optimizer.

Dropout and noise are seeded anew for every micro-batch from its place in the run, so they do not
depend on what was drawn before, nor on how many processes share a step. The generators are saved
besides, for what libraries draw.
"""

import hashlib
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from corpus.atomic import write_json
from corpus.untrusted import parse_object
from train.checkpoint import SELECTION, Selection
from train.errors import TrainError
from train.loop.consolidation import Consolidation

if TYPE_CHECKING:
    from peft import PeftModel


class DamagedGenerators(TrainError):
    """The states of the generators cannot be set."""

    def __init__(self, path: Path, error: Exception) -> None:
        super().__init__(
            f"{path}: no states of random generators ({type(error).__name__}: {error}). The "
            "checkpoint was altered: go on from another with --resume, or begin anew."
        )


def seed_of(seed: int, *place: int) -> int:
    """Return the seed for a place in a run: 63 bits of a digest."""
    digest = hashlib.sha256(json.dumps([seed, *place]).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def write_generators(path: Path) -> None:
    """Write the states of the generators of Python, NumPy and torch, on every device."""
    version, state, gauss = random.getstate()
    kind, keys, place, has_gauss, cached = np.random.get_state(legacy=True)
    path.write_text(
        json.dumps(
            {
                "python": [version, list(state), gauss],
                "numpy": [str(kind), [int(key) for key in keys], place, has_gauss, cached],
                "torch": torch.get_rng_state().tolist(),
                "cuda": [state.tolist() for state in _cuda_states()],
            }
        ),
        encoding="utf-8",
    )


def read_generators(path: Path) -> None:
    """Set all generators as `write_generators` found them; those of as many devices only.

    Raises DamagedGenerators.
    """
    try:
        _set_generators(parse_object(path.read_bytes()))
    except (KeyError, OSError, OverflowError, RuntimeError, TypeError, ValueError) as error:
        raise DamagedGenerators(path, error) from error


def _set_generators(states: Mapping[str, Any]) -> None:
    version, state, gauss = states["python"]
    random.setstate((version, tuple(state), gauss))
    kind, keys, *rest = states["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), *rest))
    torch.set_rng_state(torch.tensor(states["torch"], dtype=torch.uint8))
    if len(states["cuda"]) == len(_cuda_states()):
        torch.cuda.set_rng_state_all(
            [torch.tensor(state, dtype=torch.uint8) for state in states["cuda"]]
        )


def _cuda_states() -> list[torch.Tensor]:
    return torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []


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


def adapter_files(adapted: "PeftModel") -> dict[str, Write]:
    """Return how to write an adapter in peft's format, by file name."""
    return {
        ADAPTER: lambda path: _write_tensors(adapter_weights(adapted), path),
        ADAPTER_SETTINGS: lambda path: _write_settings(adapted, path),
    }


def state_files(
    adapted: "PeftModel",
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


def adapter_weights(adapted: "PeftModel") -> dict[str, torch.Tensor]:
    """Return the weights of an adapter under peft's names."""
    from peft import get_peft_model_state_dict

    state = get_peft_model_state_dict(adapted, save_embedding_layers=False)
    return {name: weight.detach().cpu().contiguous() for name, weight in state.items()}


def read_adapter(adapted: "PeftModel", folder: Path) -> None:
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


def _read_tensors(path: Path, device: torch.device) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    # safetensors does not know `cpu:0`, as accelerate calls the processor of one of several
    return {name: each.to(device) for name, each in load_file(path).items()}


def _write_tensors(tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    from safetensors.torch import save_file

    flat = {name: each.detach().cpu().contiguous() for name, each in tensors.items()}
    save_file(flat, path, metadata={"format": "pt"})


def _write_settings(adapted: "PeftModel", path: Path) -> None:
    settings = adapted.peft_config["default"].to_dict() | {"inference_mode": True}
    plain = {
        name: sorted(value) if isinstance(value, set) else value for name, value in settings.items()
    }
    text = json.dumps(plain, indent=2, sort_keys=True, default=str)
    path.write_text(text + "\n", encoding="utf-8")
