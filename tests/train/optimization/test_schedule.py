import pytest

from train.optimization.schedule import rate_factor
from train.recipe import OptimizerSettings


def factors(steps: int, settings: OptimizerSettings) -> list[float]:
    return [rate_factor(step, steps, settings) for step in range(steps)]


def test_the_rate_rises_over_a_tenth_and_falls_along_a_cosine() -> None:
    found = factors(19, OptimizerSettings(schedule="cosine", warm_up=0.1))
    assert found[:2] == [0.5, 1.0]
    assert found[10] == pytest.approx(0.5)
    assert 0 < found[-1] < 0.01
    assert found[1:] == sorted(found[1:], reverse=True)


def test_the_rate_would_be_the_wanted_fraction_a_step_behind_the_last() -> None:
    settings = OptimizerSettings(schedule="linear", warm_up=0.0, final=0.2)
    assert factors(4, settings) == pytest.approx([0.84, 0.68, 0.52, 0.36])


def test_a_constant_rate_stays() -> None:
    assert factors(3, OptimizerSettings(schedule="constant", warm_up=0.0)) == [1.0, 1.0, 1.0]


def test_a_stage_of_one_step_is_all_warm_up() -> None:
    assert factors(1, OptimizerSettings()) == [1.0]
