from pathlib import Path

import torch
from safetensors.torch import save_file

from train.loop.state import ANCHOR, FISHER, read_consolidation


def test_what_a_stage_is_held_to_is_read_on_the_processor_of_one_of_several_processes(
    tmp_path: Path,
) -> None:
    save_file({"a": torch.tensor([1.0, 2.0])}, tmp_path / ANCHOR)
    save_file({"a": torch.tensor([3.0, 4.0])}, tmp_path / FISHER)
    read = read_consolidation(tmp_path, 1.0, torch.device("cpu:0"))
    assert read is not None
    assert read.anchor["a"].tolist() == [1.0, 2.0]
    assert read.fisher["a"].tolist() == [3.0, 4.0]
