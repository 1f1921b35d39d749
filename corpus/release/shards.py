"""Writing the shards of a release: rows in key order, cut into row groups as planned."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpus.atomic import replacing, sha256_file
from corpus.places import open_input
from corpus.release.logical import logical_digest
from corpus.release.manifest import Shard
from corpus.release.planning import ShardPlan
from corpus.release.reading import batches_of, open_shard
from corpus.release.runs import read_batches
from corpus.tables import SHARDED


def write_shard(task: tuple[Sequence[Path], ShardPlan, Path]) -> Shard:
    """Write one shard of the candidate in a folder and describe it; an existing one is kept.

    The rows come from the runs of the whole table, in the order given.
    """
    runs, plan, folder = task
    destination = folder / plan.path
    if not destination.exists():
        with replacing(destination) as temporary:
            _write(runs, plan, temporary)
    return describe(destination, plan)


def describe(path: Path, plan: ShardPlan) -> Shard:
    """Return the entry of the manifest for a shard that was written to `path`."""
    with open_shard(path) as file:
        rows = file.metadata.num_rows
        digest = logical_digest(plan.config, lambda columns: batches_of(file, 8192, columns))
    return Shard(
        path=plan.path,
        config=plan.config,
        split=plan.split,
        sha256=sha256_file(path),
        bytes=path.stat().st_size,
        rows=rows,
        logical_digest=digest,
    )


def _write(runs: Sequence[Path], plan: ShardPlan, destination: Path) -> None:
    order = [(name, "ascending") for name in SHARDED[plan.config].sort_key]
    writer = pq.ParquetWriter(
        destination,
        SHARDED[plan.config].schema,
        compression="zstd",
        compression_level=3,
        use_content_defined_chunking=True,
        write_page_index=True,
    )
    with ExitStack() as opened:
        opened.enter_context(writer)
        files = [opened.enter_context(open_input(run)) for run in runs]
        readers = [pa.ipc.open_file(file) for file in files]
        for place in range(plan.first, plan.first + len(plan.ranges)):
            rows = pa.concat_tables(read_batches(readers, place))
            rows = rows.take(pc.sort_indices(rows, sort_keys=order))
            writer.write_table(rows, row_group_size=rows.num_rows)
