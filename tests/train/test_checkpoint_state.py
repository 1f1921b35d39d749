import json
import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from train.checkpoint import (
    ANCHOR,
    FISHER,
    DamagedCheckpoint,
    Selection,
    UnfitAdapter,
    UnfitState,
    adapter_files,
    read_adapter,
    read_consolidation,
    read_generators,
    read_optimizer,
    read_selection,
    write_generators,
)
from train.model.loading import load_adapted
from train.recipe import AdapterSettings, ModelSettings
from train.run import seed_of


def test_what_a_stage_is_held_to_is_read_on_the_processor_of_one_of_several_processes(
    tmp_path: Path,
) -> None:
    save_file({"a": torch.tensor([1.0, 2.0])}, tmp_path / ANCHOR)
    save_file({"a": torch.tensor([3.0, 4.0])}, tmp_path / FISHER)
    read = read_consolidation(tmp_path, 1.0, torch.device("cpu:0"))
    assert read is not None
    assert read.anchor["a"].tolist() == [1.0, 2.0]
    assert read.fisher["a"].tolist() == [3.0, 4.0]


@pytest.mark.parametrize("name", [ANCHOR, FISHER])
def test_tensors_of_the_stage_before_that_are_none_are_refused(tmp_path: Path, name: str) -> None:
    for each in (ANCHOR, FISHER):
        save_file({"a": torch.tensor([1.0])}, tmp_path / each)
    (tmp_path / name).write_bytes(b"no tensors")
    with pytest.raises(UnfitState, match=f"{name}: no tensors of a stage"):
        read_consolidation(tmp_path, 1.0, torch.device("cpu"))


@pytest.mark.parametrize("content", ["nothing", "text", "another state", "code"])
def test_an_optimizer_state_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "optimizer.pt"
    one, two = (torch.nn.Parameter(torch.zeros(2)) for _ in range(2))
    match content:
        case "nothing":
            path.write_bytes(b"")
        case "text":
            path.write_bytes(b"no archive of torch")
        case "another state":
            torch.save(torch.optim.AdamW([one, two]).state_dict(), path)
        case "code":
            path.write_bytes(pickle.dumps(Path, protocol=2))
    with pytest.raises(UnfitState, match=r"optimizer\.pt: no state of this optimizer"):
        read_optimizer(torch.optim.AdamW([one]), tmp_path)


@pytest.mark.parametrize(
    ("here", "said"),
    [
        ({"alpha": 8}, "its lora_alpha is 32, and that of the recipe 8"),
        ({"rslora": True}, "its use_rslora is False, and that of the recipe True"),
        ({"dora": True}, "its weights are for other layers or of another rank"),
        ({"rank": 4}, "its weights are for other layers or of another rank"),
    ],
)
def test_an_adapter_that_was_trained_otherwise_is_not_put_in(
    tiny_model: Path, tmp_path: Path, here: dict[str, Any], said: str
) -> None:
    model = ModelSettings(name=str(tiny_model), quantization="none")
    for name, write in adapter_files(load_adapted(model, AdapterSettings(), 64, seed=1)).items():
        write(tmp_path / name)
    read_adapter(load_adapted(model, AdapterSettings(), 64, seed=2), tmp_path)
    with pytest.raises(UnfitAdapter, match=said):
        read_adapter(load_adapted(model, AdapterSettings(**here), 64, seed=2), tmp_path)


@pytest.mark.parametrize("told", ["{}", "[1]", '{"step": -1, "loss": 1, "since": 0}', "{"])
def test_a_selection_that_is_none_is_a_damaged_checkpoint(tmp_path: Path, told: str) -> None:
    assert read_selection(tmp_path) == Selection()
    (tmp_path / "selection.json").write_text(told, encoding="utf-8")
    with pytest.raises(DamagedCheckpoint, match=r"selection\.json cannot be read"):
        read_selection(tmp_path)


def test_a_measurement_is_best_where_it_is_lower_by_what_counts_as_improvement() -> None:
    best = Selection()
    for step, loss in ((0, 3.0), (10, 2.5), (20, 2.45), (30, 2.41)):
        best = best.after(step, loss, improvement=0.1)
    assert best == Selection(step=10, loss=2.5, since=2)
    assert best.after(40, 2.39, improvement=0.1) == Selection(step=40, loss=2.39, since=0)
    assert best.after(40, 2.5, improvement=0.0) == Selection(step=10, loss=2.5, since=3)


def test_all_generators_go_on_where_they_were_written(tmp_path: Path) -> None:
    random.gauss(0, 1)
    np.random.standard_normal()
    write_generators(tmp_path / "generators.json")
    drawn = [random.random(), np.random.standard_normal(), float(torch.rand(()))]
    read_generators(tmp_path / "generators.json")
    assert [random.random(), np.random.standard_normal(), float(torch.rand(()))] == drawn


def test_seeds_follow_from_the_place_alone() -> None:
    assert seed_of(7, 1, 2, 3) == seed_of(7, 1, 2, 3)
    assert len({seed_of(7, 1, 2, 3), seed_of(7, 1, 3, 2), seed_of(8, 1, 2, 3)}) == 3
    assert 0 <= seed_of(7, 1, 2, 3) < 2**63


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (None, "["),
        (None, "[" * 100_000),
        (None, "[]"),
        (None, "{}"),
        ("python", None),
        ("python", [3, [1, 2], None]),
        ("python", [3, [2**70] * 625, None]),
        ("numpy", ["MT19937", [-1], 0, 0, 0.0]),
        ("numpy", ["other", [], 0, 0, 0.0]),
        ("torch", [300, -1]),
        ("torch", [[]]),
        ("torch", "abc"),
        ("cuda", None),
    ],
)
def test_states_that_are_none_are_refused_with_their_file(
    tmp_path: Path, name: str | None, value: object
) -> None:
    path = tmp_path / "generators.json"
    write_generators(path)
    kept = json.loads(path.read_bytes())
    path.write_text(str(value) if name is None else json.dumps(kept | {name: value}))
    with pytest.raises(UnfitState, match=r"generators\.json: no states of random"):
        read_generators(path)
