import pytest

from train.loop.optimizer import group_of, layers_of, rate_factor
from train.recipe import OptimizerSettings

PREFIX = "adapted.base_model.model.model."


@pytest.mark.parametrize(
    ("name", "group"),
    [
        (f"{PREFIX}layers.0.self_attn.q_proj.lora_A.default.weight", "early"),
        (f"{PREFIX}layers.1.mlp.up_proj.lora_B.default.weight", "early"),
        (f"{PREFIX}layers.2.self_attn.q_proj.lora_A.default.weight", "late"),
        (f"{PREFIX}layers.4.self_attn.q_proj.lora_A.default.weight", "late"),
        (f"{PREFIX}norm.weight", "late"),
        (f"{PREFIX}embed_tokens.modules_to_save.default.weight", "embeddings"),
        ("adapted.base_model.model.lm_head.modules_to_save.default.weight", "head"),
    ],
)
def test_a_weight_belongs_to_the_part_that_its_name_tells(name: str, group: str) -> None:
    assert group_of(name, layers=5) == group


def test_layers_are_counted_by_the_highest_number() -> None:
    assert layers_of([f"{PREFIX}layers.9.x", f"{PREFIX}layers.10.x", f"{PREFIX}norm.weight"]) == 11


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
