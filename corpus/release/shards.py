"""Writing one configuration of a release: rows in key order, cut into shards and row groups.

Where a shard and a row group begin depends on the rows alone, never on how they were divided
into parts or among workers, so the same rows give the same bytes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from corpus.atomic import replacing, sha256_file
from corpus.release.logical import logical_digest
from corpus.release.manifest import Shard
from corpus.release.reading import SCHEMAS

READ_BATCH_ROWS = 512
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

    The Hub's viewer refuses row groups over 286 MiB and asks for 100 to 300 MB of them; shards of
    200 to 500 MB suit its transfers (Hub documentation, "Datasets: uploading"). Sizes are bytes of
    text before compression, of which zstd leaves about a quarter.
    """

    shard_text_bytes: int = 1_200_000_000
    row_group_text_bytes: int = 64_000_000
    shard_rows: int = 4_000_000
    """For tables without a text column."""
    row_group_rows: int = 100_000


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
    """Divide sorted keys into shards and row groups.

    `weights` are bytes of text a row, or None to count rows. An empty split gives one empty shard,
    so that every configuration has a file for every split.
    """
    if weights is None:
        weights = np.ones(len(keys), dtype=np.int64)
        bounds = limits.shard_rows, limits.row_group_rows
    else:
        bounds = limits.shard_text_bytes, limits.row_group_text_bytes
    shards = [
        tuple(_key_ranges(keys, _cut(weights, start, end, bounds[1])))
        for start, end in _cut(weights, 0, len(keys), bounds[0])
    ] or [()]
    return [
        ShardPlan(config, split, index, len(shards), ranges) for index, ranges in enumerate(shards)
    ]


def _cut(weights: np.ndarray, start: int, end: int, limit: int) -> Iterator[tuple[int, int]]:
    """Cut rows [start, end) where the running weight first passes each multiple of `limit`."""
    if start == end:
        return
    steps = np.cumsum(weights[start:end], dtype=np.int64)
    pieces = (steps - weights[start:end]) // limit
    edges = start + 1 + np.flatnonzero(np.diff(pieces))
    yield from zip([start, *edges.tolist()], [*edges.tolist(), end], strict=True)


def _key_ranges(keys: pa.Array, rows: Iterator[tuple[int, int]]) -> Iterator[tuple[str, str]]:
    """Turn row ranges into inclusive key ranges; a key shared by two ranges stays in the first."""
    last = None
    for start, end in rows:
        first, final = keys[start].as_py(), keys[end - 1].as_py()
        if first == last:
            first += "\0"
        if first <= final:
            yield first, final
        last = final


def write_shard(parts: Sequence[Path], kept: Path | None, plan: ShardPlan, folder: Path) -> Shard:
    """Write one shard of a candidate at `folder` and describe it; an existing one is kept.

    `kept` names the documents that stay, with their cluster and split, and its columns are joined
    to rows that lack them; None takes every row of `parts` as it is.
    """
    destination = folder / plan.path
    if not destination.exists():
        with replacing(destination) as temporary:
            _write(parts, _kept_rows(kept, plan.split), plan, temporary)
    with pq.ParquetFile(destination) as file:
        rows = file.metadata.num_rows
        digest = logical_digest(
            plan.config, lambda columns: file.iter_batches(65536, columns=columns)
        )
    return Shard(
        path=plan.path,
        config=plan.config,
        split=plan.split,
        sha256=sha256_file(destination),
        bytes=destination.stat().st_size,
        rows=rows,
        logical_digest=digest,
    )


def _kept_rows(kept: Path | None, split: str) -> pa.Table | None:
    return None if kept is None else pq.read_table(kept, filters=[("split", "==", split)])


def _write(
    parts: Sequence[Path], kept: pa.Table | None, plan: ShardPlan, destination: Path
) -> None:
    schema = SCHEMAS[plan.config]
    writer = pq.ParquetWriter(
        destination,
        schema,
        compression="zstd",
        compression_level=3,
        use_content_defined_chunking=True,
        write_page_index=True,
    )
    with writer:
        for bounds in plan.ranges:
            table = _row_group(parts, kept, plan, bounds)
            writer.write_table(table, row_group_size=max(1, table.num_rows))


def _row_group(
    parts: Sequence[Path], kept: pa.Table | None, plan: ShardPlan, bounds: tuple[str, str]
) -> pa.Table:
    key = SORT_KEYS[plan.config]
    batches = [_join(batch, kept, plan) for batch in _scan(parts, key, bounds)]
    table = pa.Table.from_batches([b for b in batches if b.num_rows], SCHEMAS[plan.config])
    return table.take(pc.sort_indices(table, sort_keys=_order(plan.config)))


def _order(config: str) -> list[tuple[str, str]]:
    key = SORT_KEYS[config]
    ties = {"documents": ["document_id"], "rejects": ["archive_sha256", "path"]}
    return [(name, "ascending") for name in (key, *ties.get(config, []))]


def _scan(parts: Sequence[Path], key: str, bounds: tuple[str, str]) -> Iterator[pa.RecordBatch]:
    within = (ds.field(key) >= bounds[0]) & (ds.field(key) <= bounds[1])
    for part in parts:
        yield from ds.dataset(part).to_batches(
            filter=within, batch_size=READ_BATCH_ROWS, batch_readahead=1, use_threads=False
        )


def _join(batch: pa.RecordBatch, kept: pa.Table | None, plan: ShardPlan) -> pa.RecordBatch:
    """Keep the rows of this split and give them the columns of `kept` that they lack."""
    schema = SCHEMAS[plan.config]
    if kept is None:
        rows = (
            batch.filter(pc.equal(batch["split"], plan.split)) if "split" in schema.names else batch
        )
        return rows.select(schema.names)
    positions = pc.index_in(batch["document_id"], value_set=kept["document_id"])
    rows = batch.filter(pc.is_valid(positions))
    found = kept.take(pc.drop_null(positions))
    columns = [
        rows[name] if name in rows.schema.names else found[name].combine_chunks()
        for name in schema.names
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
