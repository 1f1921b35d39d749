"""Runs: some parts of a table, their rows grouped by the ranges of its plan.

This is the first phase of an external sort (Knuth, The Art of Computer Programming, volume 3,
section 5.4): a row is read from its part and written to a run once, however many shards there are,
and a row group is then one batch of every run. A run is an Arrow IPC file, because its index is
small and each batch can be read by itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from operator import itemgetter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.atomic import replacing
from corpus.identifiers import prefixes
from corpus.parts import one_batch, part_writer, read_part
from corpus.release.planning import Part, ShardPlan
from corpus.selection import of_kept
from corpus.tables import SHARDED

RUN_BYTES = 4_000_000
"""Compressed bytes of the parts of one run, unless there would be more than RUNS of them."""
RUNS = 200
"""All runs of a table are open while a shard is written; systems allow at least 256 files."""


@dataclass(frozen=True, slots=True)
class Run:
    """The parts of a run, the plan with its ranges, and the path of its file."""

    config: str
    parts: tuple[Part, ...]
    plans: tuple[ShardPlan, ...]
    destination: Path


def plan_runs(
    config: str, parts: Sequence[Part], plans: Sequence[ShardPlan], folder: Path
) -> list[Run]:
    """Divide the parts of a table among runs, in the order given."""
    sizes = [part.path.stat().st_size for part in parts]
    limit = max(RUN_BYTES, sum(sizes) // RUNS + 1)
    numbers = [before // limit for before in accumulate(sizes, initial=0)]
    groups = groupby(zip(numbers, parts, strict=False), key=itemgetter(0))
    return [
        Run(
            config=config,
            parts=tuple(part for _, part in group),
            plans=tuple(plans),
            destination=folder / f"{config}-{place:05}.arrow",
        )
        for place, (_, group) in enumerate(groups)
    ]


def write_run(run: Run) -> Path:
    """Write one record batch for each range of the plans, empty ones too; return the file.

    An existing file is left as it is.
    """
    if not run.destination.exists():
        rows = pa.concat_tables(_rows(run.config, part) for part in run.parts)
        with replacing(run.destination) as temporary:
            _write(rows, run, temporary)
    return run.destination


def _write(rows: pa.Table, run: Run, destination: Path) -> None:
    places = _places(rows, run)
    order = np.argsort(places, kind="stable")
    edges = np.searchsorted(places[order], np.arange(sum(len(p.ranges) for p in run.plans) + 1))
    laid_out = rows.select(SHARDED[run.config].schema.names).take(pa.array(order)).combine_chunks()
    del rows
    with part_writer(destination, laid_out.schema) as writer:
        for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            writer.write_batch(one_batch(laid_out.slice(start, stop - start)))


def _rows(config: str, part: Part) -> pa.Table:
    """Return the rows of a part that are kept, with their split if the table has one."""
    rows = read_part(part.path)
    return rows if part.kept is None else of_kept(rows, part.kept)


def _places(rows: pa.Table, run: Run) -> npt.NDArray[np.int64]:
    """Return the index of the range of every row among the ranges of all shards."""
    found = prefixes(rows[SHARDED[run.config].sort_key[0]])
    places = np.full(len(found), -1)
    splits = rows["split"].to_numpy() if "split" in rows.column_names else None
    for split in SHARDED[run.config].splits:
        starts, first = _starts(run.plans, split)
        here = np.ones(len(found), dtype=bool) if splits is None else splits == split
        places[here] = first + np.searchsorted(starts, found[here], side="right") - 1
    assert (places >= 0).all(), "every row has a split that is planned for"
    return places


def _starts(plans: Sequence[ShardPlan], split: str) -> tuple[list[int], int]:
    """Return the first prefix of every range of a split, and the index of the first range."""
    of_split = [plan for plan in plans if plan.split == split]
    return [start for plan in of_split for start, _ in plan.ranges], of_split[0].first


def read_batches(runs: Sequence[pa.ipc.RecordBatchFileReader], place: int) -> Iterator[pa.Table]:
    """Yield the rows of one range from every run with such rows."""
    for run in runs:
        batch = run.get_batch(place)
        if batch.num_rows:
            yield pa.Table.from_batches([batch])
