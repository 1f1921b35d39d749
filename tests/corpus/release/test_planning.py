import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from corpus.release.planning import ShardLimits, plan_shards

SMALL = ShardLimits(shard_text_bytes=100, row_group_text_bytes=30)


def plan(keys: list[str], weights: list[int]) -> list[list[tuple[str, str]]]:
    sizes = np.array(weights, dtype=np.int64)
    plans = plan_shards("documents", "train", pa.array(keys, pa.string()), sizes, SMALL)
    return [list(item.ranges) for item in plans]


def test_shards_and_row_groups_begin_where_the_text_reaches_the_limit() -> None:
    assert plan(["a", "b", "c", "d", "e"], [20, 20, 60, 20, 5]) == [
        [("a", "b"), ("c", "c")],
        [("d", "e")],
    ]


def test_an_empty_split_has_one_empty_shard() -> None:
    (only,) = plan_shards("functions", "test", pa.array([], pa.string()), None, ShardLimits())
    assert only.path == "data/functions/test-00000-of-00001.parquet"
    assert only.ranges == ()


@given(
    st.lists(
        st.tuples(st.text("abc", min_size=1, max_size=2), st.integers(0, 50)), max_size=40
    ).map(sorted)
)
def test_every_key_lies_in_exactly_one_range(rows: list[tuple[str, int]]) -> None:
    keys = [key for key, _ in rows]
    ranges = [item for shard in plan(keys, [size for _, size in rows]) for item in shard]
    for key in keys:
        assert sum(first <= key <= last for first, last in ranges) == 1
