import random
from pathlib import Path

import numpy as np
import torch

from train.loop.randomness import read_generators, seed_of, write_generators


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
