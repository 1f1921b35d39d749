"""Random numbers that survive a resumption, and other numbers of processes.

Dropout and noise are seeded anew for every micro-batch from its place in the run, so they do not
depend on what was drawn before, nor on how many processes share a step. The generators are saved
besides, for what libraries draw.
"""

import hashlib
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch

from corpus.untrusted import parse_object
from train.errors import TrainError


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


def _set_generators(states: dict[str, Any]) -> None:
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
