import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.train.models import SHAPE, SPECIAL, write_fp8_model, write_vision_model
from train.export.merged import load_base as load_export_base
from train.model.fingerprint import base_weights
from train.model.loading import (
    NeedsItsCode,
    NoAccelerator,
    NoSuchModel,
    NoUnsloth,
    adapt,
    load_adapted,
    load_base,
    uses_unsloth,
)
from train.model.next_token import Batch, NextToken
from train.model.quantization import NotQuantized, check_quantized, scales
from train.recipe import ATTENTION, FEED_FORWARD, AdapterSettings, ModelSettings, UnknownTarget


def settings(tiny_model: Path, **changes: object) -> ModelSettings:
    return ModelSettings(name=str(tiny_model), **changes)  # type: ignore[arg-type]


def adapters(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: each for name, each in model.named_parameters() if each.requires_grad}


@pytest.mark.parametrize("quantization", ["nf4", "int8", "none"])
def test_only_adapters_train_whatever_the_base_is_quantised_to(
    tiny_model: Path, quantization: str
) -> None:
    model = load_adapted(
        settings(tiny_model, quantization=quantization), AdapterSettings(), length=64, seed=1
    )
    trained = adapters(model)
    adapted = {name.rpartition(".lora_")[0].rpartition(".")[2] for name in trained}
    assert adapted == {*ATTENTION, *FEED_FORWARD}
    assert all(weight.dtype is torch.float32 for weight in trained.values())


def test_four_bits_are_normal_floats_with_double_quantisation_in_blocks_of_64(
    tiny_model: Path,
) -> None:
    model = load_adapted(settings(tiny_model), AdapterSettings(), length=64, seed=1)
    (layer,) = (each for name, each in model.named_modules() if name.endswith("0.mlp.up_proj"))
    state = layer.weight.quant_state
    assert (state.quant_type, state.blocksize, state.nested) == ("nf4", 64, True)


def test_attention_alone_can_be_adapted(tiny_model: Path) -> None:
    adapter = AdapterSettings(targets=ATTENTION)
    model = load_adapted(settings(tiny_model), adapter, length=64, seed=1)
    assert not any("mlp" in name for name in adapters(model))


def test_the_update_of_a_stabilised_rank_is_scaled_by_its_root(tiny_model: Path) -> None:
    for rslora, scale in ((False, 16 / 4), (True, 16 / 2)):
        adapter = AdapterSettings(rank=4, alpha=16, rslora=rslora)
        model = load_adapted(settings(tiny_model), adapter, length=64, seed=1)
        (layer,) = (each for name, each in model.named_modules() if name.endswith("0.mlp.up_proj"))
        assert layer.scaling == {"default": scale}


@pytest.mark.parametrize("quantization", ["nf4", "none"])
def test_lengths_of_weights_train_beside_their_directions(
    tiny_model: Path, quantization: str
) -> None:
    wanted = settings(tiny_model, quantization=quantization)
    model = NextToken(load_adapted(wanted, AdapterSettings(dora=True), 64, seed=1), torch.float32)
    lengths = {name for name in model.trained() if "lora_magnitude_vector" in name}
    assert len(lengths) == SHAPE["num_hidden_layers"] * len(ATTENTION + FEED_FORWARD)
    ids, positions = torch.randint(len(SPECIAL), SHAPE["vocab_size"], (1, 32)), torch.arange(32)
    asked = batch(ids, positions[None], (32,))
    loss = model(asked)
    loss.backward()
    assert all(weight.grad is not None for weight in model.trained().values())
    with torch.no_grad(), model.adapted.disable_adapter():
        assert float(model(asked)) == pytest.approx(loss.item(), rel=1e-3)


def test_embeddings_and_head_train_where_that_is_wanted(tiny_model: Path) -> None:
    model = load_adapted(settings(tiny_model), AdapterSettings(embeddings=True), length=64, seed=1)
    names = " ".join(adapters(model))
    assert "embed_tokens.modules_to_save" in names
    assert "lm_head.modules_to_save" in names


@pytest.mark.parametrize("quantization", ["nf4", "none"])
def test_a_model_of_the_2512_generation_gets_adapters_on_its_text_part_alone(
    tmp_path: Path, quantization: str
) -> None:
    wanted = settings(write_vision_model(tmp_path / "model"), quantization=quantization)
    net = NextToken(load_adapted(wanted, AdapterSettings(), length=64, seed=1), torch.float32)
    trained = net.trained()
    assert len(trained) == SHAPE["num_hidden_layers"] * len(ATTENTION + FEED_FORWARD) * 2
    assert not any("vision" in name for name in trained)
    ids = torch.randint(len(SPECIAL), SHAPE["vocab_size"], (1, 32))
    positions = torch.arange(16).repeat(2)[None]
    both = batch(ids, positions, (16, 16))
    alone = [batch(part, torch.arange(16)[None], (16,)) for part in ids.split(16, dim=1)]
    with torch.no_grad():
        apart = sum(net(each) for each in alone)
    whole = net(both)
    whole.backward()
    assert whole.item() == pytest.approx(float(apart), rel=1e-5)
    assert all(weight.grad is not None for weight in trained.values())


@pytest.mark.parametrize("quantization", ["nf4", "int8", "none"])
def test_files_of_8_bit_floats_are_widened_and_then_quantised_like_16_bit_ones(
    tmp_path: Path, quantization: str
) -> None:
    narrow = write_fp8_model(tmp_path / "narrow")
    wide = widened_by_hand(narrow, tmp_path / "wide")
    stored = base_weights(load_base(settings(wide, quantization=quantization)).get_decoder())
    loaded = load_base(settings(narrow, quantization=quantization))
    found = base_weights(loaded.get_decoder())
    assert len(found) == 2 + SHAPE["num_hidden_layers"] * 9
    for name, weight in found.items():
        expected = stored[name]
        assert torch.equal(weight.data, expected.data)
        for ours, theirs in zip(scales(weight), scales(expected), strict=True):
            assert torch.equal(ours, theirs)
    adapted = adapt(loaded, settings(narrow, quantization=quantization), AdapterSettings())
    net = NextToken(adapted, torch.float32)
    ids = torch.randint(len(SPECIAL), SHAPE["vocab_size"], (1, 16))
    net(batch(ids, torch.arange(16)[None], (16,))).backward()
    assert all(weight.grad is not None for weight in net.trained().values())


def widened_by_hand(narrow: Path, wide: Path) -> Path:
    stored = load_file(narrow / "model.safetensors")
    weights = {
        name: weight.float() * stored[f"{name}_scale_inv"].float()
        if f"{name}_scale_inv" in stored
        else weight.float()
        for name, weight in stored.items()
        if not name.endswith(("_scale_inv", "activation_scale"))
    }
    shutil.copytree(narrow, wide)
    save_file(weights, wide / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((wide / "config.json").read_text(encoding="utf-8"))
    del config["quantization_config"]
    (wide / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return wide


def batch(ids: torch.Tensor, positions: torch.Tensor, lengths: tuple[int, ...]) -> Batch:
    labels = ids.masked_fill(positions == 0, -100)
    return Batch(ids, labels, positions, torch.tensor(lengths, dtype=torch.int32))


def test_fresh_adapters_follow_from_the_seed(tiny_model: Path) -> None:
    first, same, other = (
        adapters(load_adapted(settings(tiny_model), AdapterSettings(), length=64, seed=seed))
        for seed in (1, 1, 2)
    )
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoSuchModel, match="no model can be loaded from there"):
        load_adapted(ModelSettings(name=str(tmp_path)), AdapterSettings(), length=64, seed=1)


def test_weights_that_are_damaged_are_refused(tiny_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(NoSuchModel, match="no model can be loaded from there"):
        load_adapted(ModelSettings(name=str(folder)), AdapterSettings(), length=64, seed=1)


@pytest.mark.parametrize(
    "change", [{"text_config": 3}, {"hidden_size": 10**30}, {"hidden_size": "wide"}]
)
def test_a_configuration_that_cannot_be_used_is_refused(
    tiny_model: Path, tmp_path: Path, change: dict[str, object]
) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    config = json.loads((folder / "config.json").read_bytes()) | change
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(NoSuchModel, match="its configuration cannot be used: "):
        load_adapted(ModelSettings(name=str(folder)), AdapterSettings(), length=64, seed=1)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"vocab_size": 7}, r"weight has the shape \[512, 64\], and by config\.json \[7, 64\]"),
        ({"intermediate_size": 48}, r"proj\.weight has the shape"),
        ({"num_hidden_layers": 9}, r"layers\.\d\.\S+ is not in the files"),
        (
            {"num_hidden_layers": 1},
            r"layers\.1\.\S+ is in the files, and by config\.json there is no",
        ),
    ],
)
def test_a_configuration_of_other_weights_is_refused(
    tiny_model: Path, tmp_path: Path, change: dict[str, object], told: str
) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    config = json.loads((folder / "config.json").read_bytes()) | change
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    for quantization in ("nf4", "none"):
        with pytest.raises(NoSuchModel, match=f"config.json is not that of the weights: .*{told}"):
            load_base(settings(folder, quantization=quantization))


def with_code(folder: Path, model_type: str) -> Path:
    """Let a model's folder bring code, which leaves a file when it is executed."""
    config = json.loads((folder / "config.json").read_bytes()) | {
        "model_type": model_type,
        "architectures": ["GadgetModel"],
        "auto_map": {"AutoConfig": "code.GadgetConfig", "AutoModelForCausalLM": "code.GadgetModel"},
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "code.py").write_text(
        "from pathlib import Path\n"
        "from transformers import MistralConfig as Config, MistralForCausalLM\n"
        f"Path({str(folder / 'executed')!r}).touch()\n"
        "class GadgetConfig(Config):\n    model_type = 'gadget'\n"
        "class GadgetModel(MistralForCausalLM):\n    config_class = GadgetConfig\n",
        encoding="utf-8",
    )
    return folder


def test_a_model_that_needs_its_own_code_is_refused_and_the_code_not_executed(
    tiny_model: Path, tmp_path: Path
) -> None:
    folder = with_code(shutil.copytree(tiny_model, tmp_path / "model"), "gadget")
    said = "can only be loaded by Python code of its own, .* is never executed here"
    with pytest.raises(NeedsItsCode, match=said):
        load_adapted(ModelSettings(name=str(folder)), AdapterSettings(), length=64, seed=1)
    with pytest.raises(NeedsItsCode, match=said):
        load_export_base(str(folder))
    assert not (folder / "executed").exists()


def test_code_beside_a_model_that_is_known_without_it_is_not_executed(
    tiny_model: Path, tmp_path: Path
) -> None:
    folder = with_code(shutil.copytree(tiny_model, tmp_path / "model"), "mistral")
    loaded = load_base(ModelSettings(name=str(folder)))
    assert type(loaded).__module__.startswith("transformers.")
    assert not (folder / "executed").exists()


def test_what_trains_is_in_single_precision_whatever_the_base_is(tiny_model: Path) -> None:
    wanted = settings(tiny_model, compute="bfloat16", quantization="none")
    model = load_adapted(wanted, AdapterSettings(embeddings=True), length=64, seed=1)
    assert {weight.dtype for weight in adapters(model).values()} == {torch.float32}
    frozen = {each.dtype for each in model.parameters() if not each.requires_grad}
    assert frozen == {torch.bfloat16}


@pytest.mark.skipif(find_spec("unsloth") is not None, reason="Unsloth is installed")
def test_a_gpu_without_unsloth_is_told_what_to_install(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(NoUnsloth, match=r"pip install '\.\[train\]'"):
        uses_unsloth(settings(tiny_model))
    assert not uses_unsloth(settings(tiny_model, backend="transformers"))
    assert not uses_unsloth(settings(tiny_model, sharded=True))


def test_a_model_that_was_to_be_quantised_and_is_not_is_refused(tiny_model: Path) -> None:
    whole = load_base(settings(tiny_model, quantization="none"))
    check_quantized(whole, settings(tiny_model, quantization="none"))
    check_quantized(load_base(settings(tiny_model)), settings(tiny_model))
    with pytest.raises(NotQuantized, match=r"--model\.quantization nf4, and no weight was"):
        check_quantized(whole, settings(tiny_model))


def test_a_target_that_no_layer_has_is_named_with_those_there_are(tiny_model: Path) -> None:
    with pytest.raises(UnknownTarget, match="no linear layer named qkv; it has down_proj"):
        load_adapted(settings(tiny_model), AdapterSettings(targets=("qkv",)), length=64, seed=1)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_unsloth_is_refused_where_there_is_no_gpu(tiny_model: Path) -> None:
    with pytest.raises(NoAccelerator, match="needs a CUDA GPU"):
        load_adapted(settings(tiny_model, backend="unsloth"), AdapterSettings(), length=64, seed=1)
