import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from train.loop.randomness import DamagedGenerators, read_generators, seed_of, write_generators


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
    with pytest.raises(DamagedGenerators, match=r"generators\.json: no states of random"):
        read_generators(path)
