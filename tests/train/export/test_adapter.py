import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.train.export.runs import tell_weights, write_run
from tests.train.models import write_model
from train.export.adapter import COPY, export_adapter, settings_of
from train.export.checking import SAME, ExportDiffers, prompts, refer_to
from train.export.merged import OtherBase, base_and_adapter
from train.export.run import NotARun, open_run
from train.recipe import ModelSettings
from train.tokenizer.opening import open_tokenizer


def test_the_adapter_goes_out_as_it_is_with_card_and_tokenizer(
    tmp_path: Path, tiny_model: Path
) -> None:
    run = open_run(write_run(tmp_path / "run", tiny_model))
    told = export_adapter(run, tmp_path / "out")
    assert (told["largest"], told["divergence"], told["agreement"]) == (0.0, 0.0, 1.0)
    assert told["effect"] > 0.01
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        assert (tmp_path / "out" / name).read_bytes() == (run.adapter / name).read_bytes()
    assert (tmp_path / "out" / "README.md").read_bytes() == run.card.read_bytes()
    record = json.loads((tmp_path / "out" / "export.json").read_bytes())
    assert record["files"]["adapter_model.safetensors"]["sha256"] == run.digest
    assert "tokenizer.json" in record["files"]


def test_a_copy_that_differs_in_one_weight_is_noticed(tmp_path: Path, tiny_model: Path) -> None:
    run = open_run(write_run(tmp_path / "run", tiny_model))
    copy = write_run(tmp_path / "copy", tiny_model) / "adapter"
    path = copy / "adapter_model.safetensors"
    stored = load_file(path)
    name = next(name for name in stored if "lora_B" in name)
    stored[name][0, 0] += 0.01
    save_file(stored, path)
    model, _ = base_and_adapter(run, None)
    reference = refer_to(model, prompts(open_tokenizer(tiny_model)))
    model.load_adapter(str(copy), COPY)
    model.set_adapter(COPY)
    with pytest.raises(ExportDiffers):
        reference.check(model, SAME, "The copy", "")


def test_an_adapter_can_name_another_place_of_its_base(tmp_path: Path, tiny_model: Path) -> None:
    run = open_run(write_run(tmp_path / "run", tiny_model))
    export_adapter(run, tmp_path / "out", "ana/tiny")
    config = json.loads((tmp_path / "out" / "adapter_config.json").read_bytes())
    original = json.loads((run.adapter / "adapter_config.json").read_bytes())
    assert config == original | {"base_model_name_or_path": "ana/tiny"}
    assert "base_model: ana/tiny\n" in (tmp_path / "out" / "README.md").read_text("utf-8")


def test_an_adapter_names_no_other_model_as_its_base(tmp_path: Path, tiny_model: Path) -> None:
    folder = write_run(tmp_path / "run", tiny_model)
    tell_weights(folder, tiny_model)
    run = open_run(folder)
    other = write_model(tmp_path / "other", seed=12)
    with pytest.raises(OtherBase, match="holds other weights than the run trained"):
        export_adapter(run, tmp_path / "out", str(other))
    assert not (tmp_path / "out").exists()
    same = write_model(tmp_path / "same")
    assert export_adapter(run, tmp_path / "out", str(same))


def test_an_adapter_whose_base_was_replaced_is_not_exported(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model")
    folder = write_run(tmp_path / "run", model)
    tell_weights(folder, model)
    write_model(model, seed=12)
    with pytest.raises(OtherBase, match="holds other weights than the run trained"):
        export_adapter(open_run(folder), tmp_path / "out")


def test_an_adapter_without_a_card_goes_out_without_one(tmp_path: Path, tiny_model: Path) -> None:
    folder = write_run(tmp_path / "run", tiny_model)
    (folder / "README.md").unlink()
    export_adapter(open_run(folder), tmp_path / "out")
    assert not (tmp_path / "out" / "README.md").exists()


def test_the_adapter_of_a_run_that_divided_its_base_goes_out(
    tmp_path: Path, tiny_model: Path
) -> None:
    folder = write_run(tmp_path / "run", tiny_model)
    settings = {"name": str(tiny_model), "sharded": True, "compute": "bfloat16", "gone": 1}
    (folder / "recipe.json").write_text(json.dumps({"model": settings}), encoding="utf-8")
    run = open_run(folder)
    assert settings_of(run) == ModelSettings(name=str(tiny_model), compute="bfloat16")
    told = export_adapter(run, tmp_path / "out")
    assert (told["largest"], told["divergence"]) == (0.0, 0.0)
    assert told["effect"] > 0.01


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("adapter/adapter_config.json", "there is no adapter/adapter_config.json"),
        ("adapter/adapter_model.safetensors", "there is no adapter/adapter_model.safetensors"),
        ("recipe.json", "there is no recipe.json"),
        ("run.json", "there is no run.json"),
    ],
)
def test_a_folder_that_is_no_finished_run_is_refused(
    tmp_path: Path, tiny_model: Path, name: str, why: str
) -> None:
    folder = write_run(tmp_path / "run", tiny_model)
    (folder / name).unlink()
    with pytest.raises(NotARun, match=why):
        open_run(folder)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "adapter_config.json is not JSON"),
        ("[" * 100_000, "it nests too deeply"),
        ("[]", "adapter_config.json is no object"),
        ("{}", "names no base model"),
        ('{"base_model_name_or_path": ["a"]}', "names no base model: list is no plain text"),
        (r'{"base_model_name_or_path": "\u001b[2J"}', r"'\\x1b\[2J' is no plain text"),
    ],
)
def test_an_adapter_whose_settings_are_none_is_refused(
    tmp_path: Path, tiny_model: Path, content: str, why: str
) -> None:
    folder = write_run(tmp_path / "run", tiny_model)
    (folder / "adapter" / "adapter_config.json").write_text(content, encoding="utf-8")
    with pytest.raises(NotARun, match=why):
        open_run(folder)


@pytest.mark.parametrize("size", [0, 5, 1000])
def test_an_adapter_whose_weights_are_cut_off_is_refused(
    tmp_path: Path, tiny_model: Path, size: int
) -> None:
    folder = write_run(tmp_path / "run", tiny_model)
    with (folder / "adapter" / "adapter_model.safetensors").open("r+b") as weights:
        weights.truncate(size)
    with pytest.raises(NotARun, match=r"adapter/adapter_model\.safetensors cannot be read"):
        export_adapter(open_run(folder), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "why"),
    [("{", "not JSON"), ("[]", "no object"), ("{}", "names no model"), ('{"model": {}}', "names")],
)
def test_a_recipe_that_cannot_be_read_is_refused(
    tmp_path: Path, tiny_model: Path, content: str, why: str
) -> None:
    folder = write_run(tmp_path / "run", tiny_model)
    (folder / "recipe.json").write_text(content, encoding="utf-8")
    with pytest.raises(NotARun, match=why):
        open_run(folder)


def test_what_is_kept_of_the_adapter_is_single_precision(tmp_path: Path, tiny_model: Path) -> None:
    run = open_run(write_run(tmp_path / "run", tiny_model))
    stored = load_file(run.adapter / "adapter_model.safetensors")
    assert {each.dtype for each in stored.values()} == {torch.float32}
