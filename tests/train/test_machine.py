from pathlib import Path

import pytest

from train.machine import TooLittleMemory, check_machine, check_memory, shape_of
from train.model.settings import ModelSettings
from train.planning import RowsTooLong
from train.recipe import Recipe


def test_a_gpu_that_is_too_small_is_named_before_anything_is_loaded(tiny_model: Path) -> None:
    recipe = Recipe(model=ModelSettings(name=str(tiny_model)))
    shape = shape_of(recipe)
    check_memory(shape, recipe, there=16 * 2**30, name="a large one")
    wanted = r"and a small one has 0\.1\. `python -m train\.plan --model MODEL --vram 0\.12` says"
    with pytest.raises(TooLittleMemory, match=wanted):
        check_memory(shape, recipe, there=2**27, name="a small one")


def test_rows_that_the_model_has_no_positions_for_are_refused(tiny_model: Path) -> None:
    model = ModelSettings(name=str(tiny_model), backend="transformers")
    check_machine(Recipe(model=model, length=512))
    with pytest.raises(RowsTooLong, match="Set --length 512 or less"):
        check_machine(Recipe(model=model, length=600))
