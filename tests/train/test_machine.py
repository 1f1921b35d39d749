from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from tests.train.configs import DEVSTRAL_2512
from train.architecture import of_config
from train.journal import MissingTracker
from train.machine import (
    Fp8NeedsTransformers,
    GpuIsFull,
    NoBfloat16,
    TooLittleMemory,
    check_form,
    check_machine,
    check_memory,
    check_precision,
    memory_told,
    shape_of,
)
from train.memory import RowsTooLong
from train.model.loading import NoAccelerator
from train.recipe import ModelSettings, Recipe, load


def test_a_gpu_that_is_too_small_is_named_before_anything_is_loaded(tiny_model: Path) -> None:
    recipe = Recipe(model=ModelSettings(name=str(tiny_model)))
    shape = shape_of(recipe)
    check_memory(shape, recipe, there=16 * 2**30, name="a large one")
    wanted = r"and a small one has 0\.1\. `python -m train\.plan --model MODEL --vram 0\.12` says"
    with pytest.raises(TooLittleMemory, match=wanted):
        check_memory(shape, recipe, there=2**27, name="a small one")


def test_a_gpu_without_bfloat16_is_refused_unless_single_precision_is_asked_for() -> None:
    recipe = load("devstral-32gb")
    check_precision(recipe, (8, 0), "NVIDIA A100-SXM4-40GB")
    with pytest.raises(NoBfloat16, match=r"^Tesla V100 cannot .* --model\.compute float32"):
        check_precision(recipe, (7, 0), "Tesla V100")
    single = replace(recipe, model=replace(recipe.model, compute="float32"))
    check_precision(single, (7, 0), "Tesla V100")


def test_files_of_8_bit_floats_are_refused_where_unsloth_would_load_them() -> None:
    shape = of_config(DEVSTRAL_2512, "config.json")
    check_form(shape, False, "a model")
    with pytest.raises(Fp8NeedsTransformers, match=r"^a model: .* Set --model\.backend transf"):
        check_form(shape, True, "a model")


def test_a_gpu_that_is_full_is_told_in_a_sentence() -> None:
    said = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 31.37 GiB"
    wanted = r"^the GPU has no memory left \(CUDA out of memory\)\. The last checkpoint is sound\."
    with pytest.raises(GpuIsFull, match=wanted), memory_told():
        raise torch.OutOfMemoryError(said)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_missing_gpu_is_told_before_the_model_is_looked_for(tmp_path: Path) -> None:
    recipe = load("devstral-32gb")
    absent = replace(recipe, model=replace(recipe.model, name=str(tmp_path / "absent")))
    wanted = r"or set --stage1\.optimizer\.kind adamw --stage2\.optimizer\.kind adamw\.$"
    with pytest.raises(NoAccelerator, match=wanted):
        check_machine(absent)


@pytest.mark.skipif(find_spec("wandb") is not None, reason="wandb is installed")
def test_a_missing_tracker_is_told_before_the_model_is_looked_for(tmp_path: Path) -> None:
    absent = ModelSettings(name=str(tmp_path / "absent"), backend="transformers")
    with pytest.raises(MissingTracker, match="pip install wandb"):
        check_machine(Recipe(model=absent, tracker="wandb"))


def test_rows_that_the_model_has_no_positions_for_are_refused(tiny_model: Path) -> None:
    model = ModelSettings(name=str(tiny_model), backend="transformers")
    check_machine(Recipe(model=model, length=512))
    with pytest.raises(RowsTooLong, match="Set --length 512 or less"):
        check_machine(Recipe(model=model, length=600))
