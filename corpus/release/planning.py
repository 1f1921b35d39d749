"""Where shards and row groups begin: decided by the rows alone.

Never by how the rows were divided into parts or among workers, so the same rows give the same
bytes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpus.schema import SPLIT_NAMES

SORT_KEYS = {
    "documents": "content_id",
    "functions": "document_id",
    "instruct": "id",
    "rejects": "document_id",
}
"""What rows are sorted by; rows with equal keys keep their order within one document."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardLimits:
    """How large shards and row groups may grow.

    The Hub's viewer refuses row groups over 286 MiB; shards of 200 to 500 MB suit transfers (Hub
    documentation, "Datasets: uploading"). A row group is what a worker holds several times over
    while it sorts and compresses: at 64 MB of text it was the peak of the whole build. Sizes are
    bytes of text before compression, of which zstd leaves about a quarter.
    """

    shard_text_bytes: int = 1_200_000_000
    row_group_text_bytes: int = 16_000_000
    shard_rows: int = 4_000_000
    """For tables without a text column."""
    row_group_rows: int = 20_000


@dataclass(frozen=True, slots=True)
class Table:
    """One configuration of a release before it is cut: its parts, in any order.

    `kept` names the documents that stay, as `schema.KEPT`, for tables whose rows hang on documents
    and have no cluster and split of their own; None takes every row.
    """

    config: str
    parts: tuple[Path, ...]
    kept: Path | None


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """One shard to be written: inclusive key ranges, one a row group, in order."""

    config: str
    split: str
    index: int
    count: int
    ranges: tuple[tuple[str, str], ...]

    @property
    def path(self) -> str:
        """Path within the release, named as the Hub names shards."""
        return f"data/{self.config}/{self.split}-{self.index:05d}-of-{self.count:05d}.parquet"


def plan_shards(
    config: str, split: str, keys: pa.Array, weights: np.ndarray | None, limits: ShardLimits
) -> list[ShardPlan]:
    """Divide sorted keys into shards and row groups, at borders between different keys.

    `weights` are bytes of text a row, or None to count rows. An empty split gives one empty shard,
    so that every configuration has a file for every split.
    """
    if weights is None:
        weights = np.ones(len(keys), dtype=np.int64)
        bounds = limits.shard_rows, limits.row_group_rows
    else:
        bounds = limits.shard_text_bytes, limits.row_group_text_bytes
    unique, weights = _by_key(keys, weights)
    shards = [
        tuple(
            (unique[first].as_py(), unique[last - 1].as_py())
            for first, last in _cut(weights, start, end, bounds[1])
        )
        for start, end in _cut(weights, 0, len(unique), bounds[0])
    ] or [()]
    return [
        ShardPlan(config, split, index, len(shards), ranges) for index, ranges in enumerate(shards)
    ]


def _by_key(keys: pa.Array, weights: np.ndarray) -> tuple[pa.Array, np.ndarray]:
    """Return each key once, in order, with the sum of its weights."""
    rows = pa.table({"key": keys, "weight": weights})
    summed = rows.group_by("key").aggregate([("weight", "sum")]).sort_by("key")
    return summed["key"].combine_chunks(), summed["weight_sum"].to_numpy()


def _cut(weights: np.ndarray, start: int, end: int, limit: int) -> Iterator[tuple[int, int]]:
    """Cut rows [start, end) where the running weight first passes each multiple of `limit`."""
    if start == end:
        return
    steps = np.cumsum(weights[start:end], dtype=np.int64)
    pieces = (steps - weights[start:end]) // limit
    edges = start + 1 + np.flatnonzero(np.diff(pieces))
    yield from zip([start, *edges.tolist()], [*edges.tolist(), end], strict=True)


def plan_table(task: tuple[Table, ShardLimits]) -> tuple[Table, list[ShardPlan]]:
    """Plan every shard of a table, from the key columns of its parts."""
    table, limits = task
    rows = _rows(table)
    return table, [
        plan
        for split in _splits(table.config)
        for plan in _plan_split(table.config, split, rows, limits)
    ]


def _splits(config: str) -> tuple[str, ...]:
    return ("all",) if config == "rejects" else SPLIT_NAMES


def _rows(table: Table) -> pa.Table:
    """Return the sort key, the split and the weight, where there is one, of every row."""
    key = SORT_KEYS[table.config]
    if table.config == "documents":
        return pq.read_table(table.kept, columns=[key, "bytes", "split"])
    columns = [key, "split"] if table.config == "instruct" else [key]
    rows = pa.concat_tables(pq.read_table(part, columns=columns) for part in table.parts)
    if table.kept is None:
        return rows
    return rows.join(pq.read_table(table.kept, columns=[key, "split"]), key, join_type="inner")


def _plan_split(config: str, split: str, rows: pa.Table, limits: ShardLimits) -> list[ShardPlan]:
    if split != "all":
        rows = rows.filter(pc.equal(rows["split"], split))
    rows = rows.sort_by(SORT_KEYS[config])
    keys = rows[SORT_KEYS[config]].combine_chunks()
    weights = rows["bytes"].to_numpy() if config == "documents" else None
    return plan_shards(config, split, keys, weights, limits)
