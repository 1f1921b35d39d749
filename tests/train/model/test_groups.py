import pytest

from train.model.groups import group_of, layers_of

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
