import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.release.reading import batches_of, open_shard
from tests.releases import document, write_release

GROUPS, ROWS, TEXT = 40, 64, 2048


def shard_of_many_row_groups(path: Path) -> int:
    """Write texts that do not compress, and return the bytes of all of them."""
    draw = random.Random(1)
    with pq.ParquetWriter(path, pa.schema([("text", pa.large_string())])) as writer:
        for _ in range(GROUPS):
            texts = [draw.randbytes(TEXT // 2).hex() for _ in range(ROWS)]
            writer.write_table(pa.table({"text": pa.array(texts, pa.large_string())}))
    return GROUPS * ROWS * TEXT


def test_a_shard_that_was_read_half_way_holds_a_batch_and_not_its_row_groups(
    tmp_path: Path,
) -> None:
    path = tmp_path / "shard.parquet"
    whole = shard_of_many_row_groups(path)
    before, held, rows = pa.total_allocated_bytes(), 0, 0
    with open_shard(path) as file:
        for batch in batches_of(file, 16):
            rows += len(batch)
            held = max(held, pa.total_allocated_bytes() - before)
    assert rows == GROUPS * ROWS
    assert held < whole / 8


def test_batches_run_over_row_groups(tmp_path: Path) -> None:
    path = tmp_path / "shard.parquet"
    shard_of_many_row_groups(path)
    with open_shard(path) as file:
        assert {len(batch) for batch in batches_of(file, 96)} == {96, GROUPS * ROWS % 96}


def test_spans_cut_a_table_between_row_groups_and_lose_no_row(tmp_path: Path) -> None:
    documents = [document("shop", f"lib/{n}.ex", f"def f{n}, do: {n}") for n in range(7)]
    tested = document("till", "lib/till.ex", "def till, do: 1", "test")
    release = write_release(tmp_path, [*documents, tested], row_group_rows=2)
    spans = release.spans("documents", 5)
    assert [(span.shard.split, span.groups, span.rows) for span in spans] == [
        ("test", range(1), 1),
        ("train", range(2), 4),
        ("train", range(2, 4), 3),
        ("validation", range(1), 0),
    ]
    read = [batch["path"].to_pylist() for span in spans for batch in span.batches(["path"])]
    whole = [batch["path"].to_pylist() for batch in release.batches("documents", ["path"])]
    assert [path for paths in read for path in paths] == [path for paths in whole for path in paths]
