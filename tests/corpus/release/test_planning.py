import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.identifiers import PREFIXES
from corpus.release.planning import ShardLimits, plan_shards

SMALL = ShardLimits(shard_text_bytes=100, row_group_text_bytes=30)
Rows = dict[int, int]


def plan(rows: Rows) -> list[list[tuple[int, int]]]:
    """Plan the training split of documents from bytes of text by prefix."""
    weights = np.zeros(PREFIXES, dtype=np.int64)
    weights[list(rows)] = list(rows.values())
    plans = plan_shards("documents", {"train": weights}, SMALL)
    return [list(item.ranges) for item in plans if item.split == "train"]


def test_shards_and_row_groups_begin_where_the_text_reaches_the_limit() -> None:
    assert plan({10: 20, 20: 20, 30: 60, 40: 20, 65535: 5}) == [
        [(10, 21), (30, 31)],
        [(40, 65536)],
    ]


def test_an_empty_split_has_one_empty_shard() -> None:
    plans = plan_shards("functions", {}, ShardLimits())
    assert [item.path for item in plans] == [
        "data/functions/train-00000-of-00001.parquet",
        "data/functions/validation-00000-of-00001.parquet",
        "data/functions/test-00000-of-00001.parquet",
    ]
    assert [item.ranges for item in plans] == [(), (), ()]


def test_ranges_are_counted_through_all_splits() -> None:
    weights = np.full(PREFIXES, 1, dtype=np.int64)
    limits = ShardLimits(shard_rows=40_000, row_group_rows=30_000)
    plans = plan_shards("functions", {"train": weights, "test": weights}, limits)
    assert [(item.split, item.first, len(item.ranges)) for item in plans] == [
        ("train", 0, 2),
        ("train", 2, 1),
        ("validation", 3, 0),
        ("test", 3, 2),
        ("test", 5, 1),
    ]


@pytest.mark.parametrize("name", ShardLimits.__slots__)
def test_limits_that_leave_no_room_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is 0; it must be at least 1"):
        ShardLimits(**{name: 0})


@given(st.dictionaries(st.integers(0, PREFIXES - 1), st.integers(1, 50), max_size=40))
def test_every_prefix_with_rows_lies_in_exactly_one_range(rows: Rows) -> None:
    ranges = [item for shard in plan(rows) for item in shard]
    assert all(any(key in range(*item) for key in rows) for item in ranges)
    for key in rows:
        assert sum(key in range(*item) for item in ranges) == 1
