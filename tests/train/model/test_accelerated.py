"""Unsloth against transformers. It needs a GPU, and the extra `train` installed."""

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
    not torch.cuda.is_available() or find_spec("unsloth") is None,
    reason="needs a GPU, and Unsloth: pip install '.[train]'",
)


def made_by(
    backend: str, model: Path, form: tuple[str, str], file: Path
) -> dict[str, npt.NDArray[np.float32]]:
    told = [backend, str(model), *form, str(file)]
    subprocess.run([sys.executable, "-m", "tests.train.model.gradients", *told], check=True)
    with np.load(file) as found:
        return dict(found)


@pytest.mark.parametrize(
    ("form", "bound"),
    [(("none", "float32"), 1e-3), (("nf4", "bfloat16"), 0.05)],
    ids=["whole", "four bits"],
)
def test_both_backends_make_the_same_states_loss_and_gradients(
    tiny_model: Path, tmp_path: Path, form: tuple[str, str], bound: float
) -> None:
    ours = made_by("unsloth", tiny_model, form, tmp_path / "unsloth.npz")
    theirs = made_by("transformers", tiny_model, form, tmp_path / "transformers.npz")
    assert ours.keys() == theirs.keys()
    assert len(ours) == 2 + SHAPE["num_hidden_layers"] * 4 * 2
    for name, expected in theirs.items():
        off = np.linalg.norm(ours[name] - expected) / np.linalg.norm(expected)
        assert off < bound, name
