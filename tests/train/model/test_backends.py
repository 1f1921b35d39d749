"""Unsloth against transformers, on a GPU, or emulated on the CPU (`make emulate`)."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from tests.train.models import SHAPE

pytestmark = pytest.mark.skipif(
    find_spec("unsloth") is None, reason="needs Unsloth: make emulate, or pip install '.[train]'"
)

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")


def made_by(
    backend: str, model: Path, form: tuple[str, str], folder: Path
) -> dict[str, npt.NDArray[np.float32]]:
    file = folder / f"{backend}.npz"
    settings = {
        "HF_HUB_OFFLINE": "1",
        "UNSLOTH_COMPILE_LOCATION": str(folder / "compiled"),
        "UNSLOTH_DISABLE_STATISTICS": "1",
    }
    if backend == "emulated":
        settings |= {
            "HF_DEACTIVATE_ASYNC_LOAD": "1",  # another thread would see the real devices
            "TRITON_INTERPRET": "1",
            "UNSLOTH_ALLOW_CPU": "1",
            "UNSLOTH_COMPILE_DISABLE": "1",
        }
    told = [backend, str(model), *form, str(file)]
    command = [sys.executable, "-m", "tests.train.model.gradients", *told]
    subprocess.run(command, check=True, env=os.environ | settings)
    with np.load(file) as found:
        return dict(found)


@pytest.mark.parametrize(
    ("backend", "form", "bound"),
    [
        pytest.param("unsloth", ("none", "float32"), 1e-3, marks=on_gpu),
        pytest.param("unsloth", ("nf4", "bfloat16"), 0.05, marks=on_gpu),
        pytest.param("emulated", ("none", "float32"), 1e-4, marks=without_gpu),
    ],
    ids=["whole", "four bits", "emulated"],
)
def test_both_backends_make_the_same_states_loss_and_gradients(
    tiny_model: Path, tmp_path: Path, backend: str, form: tuple[str, str], bound: float
) -> None:
    ours = made_by(backend, tiny_model, form, tmp_path)
    theirs = made_by("transformers", tiny_model, form, tmp_path)
    assert ours.keys() == theirs.keys()
    assert len(ours) == 2 + SHAPE["num_hidden_layers"] * 7 * 2
    for name, expected in theirs.items():
        off = np.linalg.norm(ours[name] - expected) / np.linalg.norm(expected)
        assert off < bound, name
