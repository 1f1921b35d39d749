import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from train.loop.state import (
    ANCHOR,
    FISHER,
    UnfitOptimizer,
    read_consolidation,
    read_optimizer,
)


def test_what_a_stage_is_held_to_is_read_on_the_processor_of_one_of_several_processes(
    tmp_path: Path,
) -> None:
    save_file({"a": torch.tensor([1.0, 2.0])}, tmp_path / ANCHOR)
    save_file({"a": torch.tensor([3.0, 4.0])}, tmp_path / FISHER)
    read = read_consolidation(tmp_path, 1.0, torch.device("cpu:0"))
    assert read is not None
    assert read.anchor["a"].tolist() == [1.0, 2.0]
    assert read.fisher["a"].tolist() == [3.0, 4.0]


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
    with pytest.raises(UnfitOptimizer, match=r"optimizer\.pt: no state of this optimizer"):
        read_optimizer(torch.optim.AdamW([one]), tmp_path)
