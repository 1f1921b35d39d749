"""Writing the shards of a release: rows in key order, cut into row groups as planned."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from corpus.atomic import replacing, sha256_file
from corpus.release.logical import logical_digest
from corpus.release.manifest import Shard
from corpus.release.planning import SORT_KEYS, ShardPlan, Table
from corpus.release.reading import SCHEMAS

READ_BATCH_ROWS = 512


def write_shard(task: tuple[Table, ShardPlan, Path]) -> Shard:
    """Write one shard of the candidate in a folder and describe it; an existing one is kept.

    The columns of `Table.kept` are joined to rows that lack them.
    """
    table, plan, folder = task
    destination = folder / plan.path
    if not destination.exists():
        with replacing(destination) as temporary:
            _write(table.parts, _kept_rows(table.kept, plan.split), plan, temporary)
    return describe(destination, plan)


def describe(path: Path, plan: ShardPlan) -> Shard:
    """Return what the manifest says of a shard that was written to `path`."""
    with pq.ParquetFile(path) as file:
        rows = file.metadata.num_rows
        digest = logical_digest(
            plan.config, lambda columns: file.iter_batches(8192, columns=columns)
        )
    return Shard(
        path=plan.path,
        config=plan.config,
        split=plan.split,
        sha256=sha256_file(path),
        bytes=path.stat().st_size,
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
    if kept is not None:
        within = pc.and_(
            pc.greater_equal(kept[key], bounds[0]), pc.less_equal(kept[key], bounds[1])
        )
        kept = kept.filter(within)
    batches = [_join(batch, kept, plan) for batch in _scan(parts, key, bounds) if batch.num_rows]
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
