import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from train.dataset.packing import packed


@given(st.lists(st.integers(1, 64), max_size=200))
def test_every_sample_is_in_one_row_and_no_row_is_too_long(lengths: list[int]) -> None:
    rows = packed(np.array(lengths, dtype=np.int64), 64)
    assert sorted(sample for row in rows for sample in row) == list(range(len(lengths)))
    assert all(sum(lengths[sample] for sample in row) <= 64 for row in rows)


def test_a_sample_goes_where_it_leaves_least_space() -> None:
    assert packed(np.array([6, 4, 7, 3]), 10) == [[2, 3], [0, 1]]


def test_rows_are_nearly_full_whatever_lengths_source_has() -> None:
    generator = np.random.default_rng(1)
    lengths = np.clip(generator.lognormal(6.0, 1.2, 20_000), 8, 2048).astype(np.int64)
    rows = packed(lengths, 2048)
    assert lengths.sum() / (len(rows) * 2048) > 0.97
