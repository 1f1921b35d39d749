import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.train.export.runs import tell_weights, write_run
from tests.train.models import write_fp8_model, write_model
from train.export.checking import (
    AdapterMissing,
    AdapterTooWeak,
    ExportDiffers,
    Learnt,
    prompts,
    refer_to,
)
from train.export.merged import (
    BaseDoesNotFit,
    OtherBase,
    QuantisedBase,
    base_and_adapter,
    export_merged,
    load_base,
    write_merged,
)
from train.export.run import FinishedRun, OutputTaken, open_run
from train.model.loading import NoSuchModel
from train.tokenizer.opening import open_tokenizer


@pytest.fixture(scope="module")
def run(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    return open_run(write_run(tmp_path_factory.mktemp("run"), tiny_model))


@pytest.fixture(scope="module")
def merged(run: FinishedRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "merged"
    export_merged(run, folder)
    return folder


def weights(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = load_file(folder / "model.safetensors")
    return found


def test_every_weight_is_base_plus_adapter_rounded_once(
    run: FinishedRun, merged: Path, tiny_model: Path
) -> None:
    base, exported = weights(tiny_model), weights(merged)
    adapter = load_file(run.adapter / "adapter_model.safetensors")
    assert exported.keys() == base.keys()
    changed = 0
    for name, weight in base.items():
        first = f"base_model.model.{name.removesuffix('.weight')}.lora_A.weight"
        expected = weight
        if first in adapter:
            changed += 1
            expected = weight + 2.0 * adapter[first.replace("lora_A", "lora_B")] @ adapter[first]
        assert torch.equal(exported[name], expected.to(torch.bfloat16)), name
    assert changed == 4 * 5


@pytest.mark.parametrize("lora", [{"use_rslora": True}, {"use_dora": True}])
def test_updates_of_other_scales_and_lengths_are_merged_as_they_were_trained(
    tiny_model: Path, tmp_path: Path, lora: dict[str, bool]
) -> None:
    run = open_run(write_run(tmp_path / "run", tiny_model, **lora))
    export_merged(run, tmp_path / "merged")  # compares logits with those of base and adapter
    name = "model.layers.0.mlp.down_proj"
    adapter = load_file(run.adapter / "adapter_model.safetensors")
    first, second = (adapter[f"base_model.model.{name}.lora_{each}.weight"] for each in "AB")
    found, base = (weights(each)[f"{name}.weight"] for each in (tmp_path / "merged", tiny_model))
    if "use_rslora" in lora:  # alpha 8, rank 4
        expected = base + 8 / 4**0.5 * second @ first
    else:
        moved = base + 8 / 4 * second @ first
        lengths = adapter[f"base_model.model.{name}.lora_magnitude_vector"]
        expected = moved * (lengths / moved.norm(dim=1))[:, None]
    torch.testing.assert_close(found.float(), expected, rtol=0.01, atol=1e-4)


def test_the_folder_holds_all_that_loading_needs_and_says_what_it_is(
    run: FinishedRun, merged: Path
) -> None:
    assert sorted(path.name for path in merged.iterdir()) == [
        "README.md",
        "config.json",
        "export.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert open_tokenizer(merged).identity == open_tokenizer(run.tokenizer).identity
    card = (merged / "README.md").read_text(encoding="utf-8")
    assert "library_name: transformers\n" in card
    assert "base_model_relation: finetune\n" in card
    assert "\n# An adapter\n" in card


def test_the_record_has_the_figures_their_bounds_and_every_digest(
    run: FinishedRun, merged: Path
) -> None:
    record = json.loads((merged / "export.json").read_bytes())
    assert record["made_from"]["adapter_sha256"] == run.digest
    assert record["made_from"]["release"] == {"version": "2026.11.1", "sha256": "5f" * 32}
    told = record["comparison"]
    assert told["tokens"] > 200
    assert 0 < told["divergence"] < told["tolerance"]["divergence"] < 1e-3
    assert 0 < told["largest"] < told["tolerance"]["largest"] < 0.25
    assert told["effect"] > 0.01
    assert set(record["files"]) == {path.name for path in merged.iterdir()} - {"export.json"}


def test_an_export_that_is_there_is_returned_as_it_is(run: FinishedRun, merged: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in merged.iterdir()}
    told = export_merged(run, merged)
    assert told["effect"] > 0.01
    assert {path: path.stat().st_mtime_ns for path in merged.iterdir()} == before


def test_another_export_is_not_overwritten(tmp_path: Path, tiny_model: Path, merged: Path) -> None:
    other = open_run(write_run(tmp_path / "run", tiny_model, seed=4))
    with pytest.raises(OutputTaken, match="another export lies there"):
        export_merged(other, merged)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(OutputTaken, match="no export of ours"):
        export_merged(other, tmp_path / "mine")


@pytest.mark.parametrize("trained", [None, ["embed_tokens", "lm_head"], ["embed_tokens"]])
@pytest.mark.parametrize("tied", [False, True])
def test_embeddings_are_right_tied_or_not_trained_or_not(
    tmp_path: Path, tied: bool, trained: list[str] | None
) -> None:
    model = write_model(tmp_path / "model", tie_word_embeddings=tied)
    run = open_run(write_run(tmp_path / "run", model, modules_to_save=trained))
    told = export_merged(run, tmp_path / "merged")
    assert told["divergence"] < 1e-3
    config = json.loads((tmp_path / "merged" / "config.json").read_bytes())
    still_tied = tied and trained is None
    assert config["tie_word_embeddings"] is still_tied
    assert ("lm_head.weight" in weights(tmp_path / "merged")) is not still_tied


@pytest.mark.parametrize(
    ("stored", "expected"),
    [(torch.float32, "bfloat16"), (torch.float16, "float16"), (torch.bfloat16, "bfloat16")],
)
def test_a_type_of_16_bits_is_kept(
    tmp_path: Path, tiny_model: Path, stored: torch.dtype, expected: str
) -> None:
    from transformers import AutoModelForCausalLM

    AutoModelForCausalLM.from_pretrained(tiny_model, dtype=stored).save_pretrained(tmp_path / "m")
    run = open_run(write_run(tmp_path / "run", tiny_model))
    export_merged(run, tmp_path / "merged", str(tmp_path / "m"))
    config = json.loads((tmp_path / "merged" / "config.json").read_bytes())
    assert config["dtype"] == expected


def altered(adapter: Path, change: Any) -> None:
    """Change one weight of an adapter where it lies."""
    path = adapter / "adapter_model.safetensors"
    stored = load_file(path)
    name = "base_model.model.model.layers.2.self_attn.o_proj.lora_B.weight"
    save_file({**stored, name: change(stored[name])}, path)


@pytest.mark.parametrize(
    "change",
    [torch.zeros_like, torch.neg, lambda weight: 2 * weight, lambda weight: weight.roll(1, 0)],
    ids=["lost", "negated", "doubled", "shifted"],
)
@pytest.mark.parametrize("strength", [0.1, 1e-3])
def test_an_adapter_altered_between_reference_and_merge_is_noticed(
    tmp_path: Path, tiny_model: Path, change: Any, strength: float
) -> None:
    run = open_run(write_run(tmp_path / "run", tiny_model, strength=strength))
    texts = prompts(open_tokenizer(tiny_model))
    model, stored = base_and_adapter(run, None)
    reference, learnt = refer_to(model, texts, rounds_to=stored), Learnt.by(model, stored)
    altered(run.adapter, change)
    write_merged(base_and_adapter(run, None)[0], tmp_path / "merged")
    bounds = reference.bounds()
    found = load_base(str(tmp_path / "merged"))
    weights = found.state_dict()
    if strength == 0.1:
        with pytest.raises(ExportDiffers, match="does not say what base and adapter say together"):
            reference.check(found, bounds, "It", "")
    with pytest.raises(AdapterMissing, match="of what merging adds to the base"):
        learnt.check(lambda name, rows: weights[name][rows].float(), "It")


def test_an_adapter_too_weak_for_16_bits_is_refused_and_leaves_nothing(
    tmp_path: Path, tiny_model: Path
) -> None:
    from transformers import AutoModelForCausalLM

    loaded = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.bfloat16)
    loaded.save_pretrained(tmp_path / "m")
    run = open_run(write_run(tmp_path / "run", tiny_model, strength=1e-7))
    with pytest.raises(AdapterTooWeak, match="16 bits, which cannot hold it"):
        export_merged(run, tmp_path / "out" / "merged", str(tmp_path / "m"))
    assert list((tmp_path / "out").iterdir()) == []


def test_the_bound_is_a_multiple_of_the_noise_and_another_one_stands_in_record_and_card(
    tmp_path: Path, run: FinishedRun, merged: Path
) -> None:
    usual = json.loads((merged / "export.json").read_bytes())["comparison"]
    with pytest.raises(ExportDiffers, match=r"allowed is .*--noise-multiple accepts more"):
        export_merged(run, tmp_path / "strict", multiple=0.1)
    report = run.folder / "README.md"
    own = report.read_text(encoding="utf-8")
    report.write_text(own + "\n## Use it\n\nAs it is.\n", encoding="utf-8")
    told = export_merged(run, tmp_path / "lenient", multiple=30.0)
    report.write_text(own, encoding="utf-8")
    assert told["tolerance"]["largest"] == pytest.approx(10 * usual["tolerance"]["largest"])
    assert told["tolerance"]["divergence"] == pytest.approx(100 * usual["tolerance"]["divergence"])
    record = json.loads((tmp_path / "lenient" / "export.json").read_bytes())
    assert record["made_from"]["noise_multiple"] == 30.0
    card = (tmp_path / "lenient" / "README.md").read_text(encoding="utf-8")
    assert "accept weights up to 30 times the rounding noise" in card


def quantised(folder: Path, model: Path) -> Path:
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    four_bits = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4")
    loaded = AutoModelForCausalLM.from_pretrained(model, quantization_config=four_bits)
    loaded.save_pretrained(folder)
    return folder


def test_a_quantised_base_is_refused_with_the_reason_and_one_in_16_bits_serves(
    tmp_path: Path, tiny_model: Path
) -> None:
    base = quantised(tmp_path / "base", tiny_model)
    folder = write_run(tmp_path / "run", tiny_model)
    recipe = {"model": {"name": str(base), "tokenizer": str(tiny_model)}}
    (folder / "recipe.json").write_text(json.dumps(recipe), encoding="utf-8")
    run = open_run(folder)
    with pytest.raises(QuantisedBase, match=r"4 bits, bitsandbytes.*quantised again.*--base"):
        export_merged(run, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()
    assert export_merged(run, tmp_path / "merged", str(tiny_model))["divergence"] < 1e-3


def test_a_base_of_another_shape_is_refused(tmp_path: Path, run: FinishedRun) -> None:
    wider = write_model(tmp_path / "wider", hidden_size=96)
    with pytest.raises(BaseDoesNotFit, match="does not fit this model"):
        export_merged(run, tmp_path / "merged", str(wider))


def test_another_model_of_the_same_shape_is_no_base(tmp_path: Path, tiny_model: Path) -> None:
    folder = write_run(tmp_path / "run", tiny_model)
    tell_weights(folder, tiny_model)
    other = write_model(tmp_path / "other", seed=12)
    said = rf"'{other}' holds other weights than the run trained, which was '{tiny_model}'"
    with pytest.raises(OtherBase, match=said):
        export_merged(open_run(folder), tmp_path / "out" / "merged", str(other))
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("stored", [torch.float32, torch.bfloat16])
def test_the_same_model_elsewhere_is_a_base_in_any_type(
    tmp_path: Path, tiny_model: Path, stored: torch.dtype
) -> None:
    from transformers import AutoModelForCausalLM

    AutoModelForCausalLM.from_pretrained(tiny_model, dtype=stored).save_pretrained(tmp_path / "m")
    folder = write_run(tmp_path / "run", tiny_model)
    tell_weights(folder, tiny_model)
    assert export_merged(open_run(folder), tmp_path / "merged", str(tmp_path / "m"))


def test_a_base_that_was_replaced_where_it_lay_is_refused(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model")
    folder = write_run(tmp_path / "run", model)
    tell_weights(folder, model)
    write_model(model, seed=12)
    with pytest.raises(OtherBase, match="Put that very model back"):
        export_merged(open_run(folder), tmp_path / "merged")


def test_a_run_of_an_older_version_takes_any_base_that_fits(
    tmp_path: Path, run: FinishedRun
) -> None:
    assert run.fingerprint == ""
    other = write_model(tmp_path / "other", seed=12)
    assert export_merged(run, tmp_path / "merged", str(other))


def test_a_base_that_is_not_there_is_named(tmp_path: Path, run: FinishedRun) -> None:
    with pytest.raises(NoSuchModel, match="nowhere"):
        export_merged(run, tmp_path / "merged", str(tmp_path / "nowhere"))


def test_a_base_of_8_bit_floats_is_widened_once_and_stays_so(tmp_path: Path) -> None:
    from transformers import AutoModelForImageTextToText

    model = write_fp8_model(tmp_path / "model")
    folder = write_run(tmp_path / "run", model)
    told = export_merged(open_run(folder), tmp_path / "merged")
    assert 0 < told["divergence"] < told["tolerance"]["divergence"] < 1e-3 < told["effect"]
    assert told["held"] == pytest.approx(1, abs=0.05)
    assert "quantization_config" not in json.loads((tmp_path / "merged/config.json").read_bytes())
    stored, found = weights(model), weights(tmp_path / "merged")
    assert found.keys() == {name for name in stored if not name.endswith(("_scale", "_inv"))}
    name = "language_model.model.layers.1.mlp.gate_proj.weight"  # has no adapter
    scale = stored[f"{name}_scale_inv"].float()
    assert torch.equal(found[name], (stored[name].float() * scale).bfloat16())
    loaded: Any = AutoModelForImageTextToText.from_pretrained(tmp_path / "merged", dtype="auto")
    assert {weight.dtype for weight in loaded.parameters()} == {torch.bfloat16}
