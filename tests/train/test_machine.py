from pathlib import Path

import pytest

from train.machine import TooLittleMemory, check_memory
from train.model.settings import ModelSettings
from train.recipe import Recipe


def test_a_gpu_that_is_too_small_is_named_before_anything_is_loaded(tiny_model: Path) -> None:
    recipe = Recipe(model=ModelSettings(name=str(tiny_model)))
    check_memory(recipe, there=16 * 2**30, name="a large one")
    with pytest.raises(TooLittleMemory, match=r"and a small one has 0\.1\. `python -m train\.plan"):
        check_memory(recipe, there=2**27, name="a small one")
