from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.train.models import write_model, write_vision_model
from train.export.merged import load_base
from train.model.fingerprint import of_stored, of_unquantised, sample
from train.model.loading import load_adapted
from train.recipe import AdapterSettings, ModelSettings

FORMS: list[dict[str, Any]] = [
    {"quantization": "nf4"},
    {"quantization": "int8"},
    {"quantization": "none"},
    {"quantization": "nf4", "compute": "bfloat16", "sharded": True},
]


def loaded(model: Path, seed: int = 1, embeddings: bool = False, **settings: Any) -> Any:
    adapter = AdapterSettings(embeddings=embeddings)
    return load_adapted(ModelSettings(name=str(model), **settings), adapter, length=64, seed=seed)


def changed(model: Path, folder: Path, name: str, factor: float) -> Path:
    """Copy weights and configuration, with one weight scaled."""
    folder.mkdir()
    (folder / "config.json").write_bytes((model / "config.json").read_bytes())
    weights = load_file(model / "model.safetensors")
    weights[name] = weights[name] * factor
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def as_type(model: Path, folder: Path, stored: torch.dtype) -> Path:
    from transformers import AutoModelForCausalLM

    AutoModelForCausalLM.from_pretrained(model, dtype=stored).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_same_weights_are_the_same_whatever_adapter_is_put_on_them(
    tiny_model: Path, form: dict[str, Any]
) -> None:
    first, other, whole = (
        of_stored(loaded(tiny_model, **form)),
        of_stored(loaded(tiny_model, seed=2, **form)),
        of_stored(loaded(tiny_model, embeddings=True, **form)),
    )
    assert first == other == whole


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize(
    ("name", "factor"),
    [
        ("model.layers.2.mlp.up_proj.weight", -1.0),
        ("model.layers.2.mlp.up_proj.weight", 1.5),  # the 4-bit codes are the same
        ("model.layers.0.input_layernorm.weight", 1.02),
        ("model.embed_tokens.weight", 1.02),
        ("lm_head.weight", 1.02),
    ],
)
def test_one_weight_that_changed_is_noticed(
    tmp_path: Path, tiny_model: Path, form: dict[str, Any], name: str, factor: float
) -> None:
    other = changed(tiny_model, tmp_path / "other", name, factor)
    assert of_stored(loaded(other, **form)) != of_stored(loaded(tiny_model, **form))


def test_dividing_the_base_changes_how_4_bits_are_stored_and_no_fingerprint(
    tiny_model: Path,
) -> None:
    whole = loaded(tiny_model, compute="bfloat16")
    divided = loaded(tiny_model, compute="bfloat16", sharded=True)
    assert of_stored(divided) == of_stored(whole)


@pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`")
@pytest.mark.parametrize("tied", [False, True])
def test_a_model_in_16_bits_is_known_from_any_form_that_was_trained(
    tmp_path: Path, tied: bool
) -> None:
    model = write_model(tmp_path / "model", tie_word_embeddings=tied)
    copy = as_type(model, tmp_path / "copy", torch.bfloat16)
    half = as_type(copy, tmp_path / "half", torch.float16)
    found = {of_unquantised(loaded(model, **form)) for form in FORMS}
    found.add(of_unquantised(loaded(model, embeddings=True)))
    for stored in (model, copy, half):
        found.add(of_unquantised(load_base(str(stored))))
    assert len(found) == 1
    assert None not in found


@pytest.mark.parametrize(
    "name",
    [
        "model.layers.3.post_attention_layernorm.weight",
        "model.norm.weight",
        "model.embed_tokens.weight",
        "lm_head.weight",
    ],
)
def test_another_model_of_the_same_shape_is_told_by_what_no_form_quantises(
    tmp_path: Path, tiny_model: Path, name: str
) -> None:
    other = changed(tiny_model, tmp_path / "other", name, 1.02)
    base = load_base(str(other))
    assert of_unquantised(base) != of_unquantised(loaded(tiny_model))


def test_a_model_beside_a_vision_tower_has_the_fingerprint_of_its_decoder(tmp_path: Path) -> None:
    model = write_vision_model(tmp_path / "model")
    base = load_base(str(model))
    assert of_unquantised(base) == of_unquantised(loaded(model))
    other = write_vision_model(tmp_path / "other", seed=12)
    assert of_unquantised(base) != of_unquantised(loaded(other))


def test_a_model_whose_head_is_quantised_has_none_to_compare(tiny_model: Path) -> None:
    import bitsandbytes

    model = load_base(str(tiny_model))
    head = bitsandbytes.nn.Linear4bit(64, 512, bias=False)
    head.load_state_dict(model.lm_head.state_dict())
    model.lm_head = head.to("cpu")
    assert of_unquantised(model) is None


def test_a_sample_passes_over_all_columns() -> None:
    weight = torch.arange(64 * 256).reshape(64, 256)
    assert len(sample(weight, 64)) <= 64
    assert len({int(each) % 256 for each in sample(weight, 64)}) > 32
    assert sample(weight[:1, :5], 64).tolist() == [0, 1, 2, 3, 4]
