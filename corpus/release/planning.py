"""The boundaries of shards and row groups, which depend on the rows only.

They do not depend on the division of the rows into parts or among workers, so the same rows give
the same bytes. Every table is sorted by a digest, so its first digits divide it evenly: rows are
counted by prefix, and a boundary is between two prefixes.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.bounds import check_least
from corpus.identifiers import PREFIXES, prefixes
from corpus.parts import read_part
from corpus.selection import of_kept
from corpus.tables import SHARDED, WHOLE

Weights = npt.NDArray[np.int64]
Range = tuple[int, int]
"""The prefixes from the first number up to the second, which is excluded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardLimits:
    """Maximum sizes of shards and row groups. Raises ValueError unless all are above 0.

    The Hub's viewer refuses row groups over 286 MiB; shards of 200 to 500 MB suit transfers (Hub
    documentation, "Datasets: uploading"). A worker holds several copies of a row group while it
    sorts and compresses: at 16 MB of text this was the peak memory of the whole build. Sizes are
    bytes of text before compression, of which zstd leaves about a quarter.
    """

    shard_text_bytes: int = 1_200_000_000
    row_group_text_bytes: int = 8_000_000
    shard_rows: int = 4_000_000
    """For tables without a text column."""
    row_group_rows: int = 10_000

    def __post_init__(self) -> None:
        """Check that every limit is positive."""
        check_least(1, self, *self.__slots__)


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a table, in any order.

    `kept` (`tables.KEPT`) has the documents that are kept, for rows that belong to documents and
    have no cluster and split of their own; with None every row is taken.
    """

    path: Path
    kept: Path | None


@dataclass(frozen=True, slots=True)
class TableParts:
    """The parts of one configuration before it is divided into shards, in any order."""

    config: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """One shard to be written: a row group for each of its ranges, in order.

    `first` is the index of the first range among those of all shards of the table.
    """

    config: str
    split: str
    index: int
    count: int
    first: int
    ranges: tuple[Range, ...]

    @property
    def path(self) -> str:
        """Path within the release, named as the Hub names shards."""
        return f"data/{self.config}/{self.split}-{self.index:05d}-of-{self.count:05d}.parquet"


def plan_table(task: tuple[TableParts, ShardLimits]) -> tuple[TableParts, list[ShardPlan]]:
    """Plan every shard of a table from the key columns of its parts, one part at a time."""
    table, limits = task
    weights: dict[str, Weights] = defaultdict(lambda: np.zeros(PREFIXES, dtype=np.int64))
    for part in table.parts:
        for split, keys, sizes in _weighed(table.config, part):
            np.add.at(weights[split], keys, sizes)
    return table, plan_shards(table.config, weights, limits)


def plan_shards(
    config: str, weights: Mapping[str, Weights], limits: ShardLimits
) -> list[ShardPlan]:
    """Divide a table into shards and row groups.

    `weights` are bytes of text, or rows where the table has no text, by split and prefix. An empty
    split gives one empty shard, so that every configuration has a file for every split.
    """
    by_text = SHARDED[config].cut_by is not None
    shard = limits.shard_text_bytes if by_text else limits.shard_rows
    row_group = limits.row_group_text_bytes if by_text else limits.row_group_rows
    plans: list[ShardPlan] = []
    first = 0
    for split in SHARDED[config].splits:
        found = weights.get(split, np.zeros(PREFIXES, dtype=np.int64))
        shards = [tuple(_cut(found, piece, row_group)) for piece in _cut(found, None, shard)]
        for index, ranges in enumerate(shards or [()]):
            plans.append(ShardPlan(config, split, index, max(1, len(shards)), first, ranges))
            first += len(ranges)
    return plans


def _cut(weights: Weights, within: Range | None, limit: int) -> Iterator[Range]:
    """Divide at prefixes with rows, where the running weight exceeds a multiple of `limit`."""
    start, stop = within or (0, PREFIXES)
    present = start + np.flatnonzero(weights[start:stop])
    if not len(present):
        return
    before = np.cumsum(weights[present]) - weights[present]
    edges = 1 + np.flatnonzero(np.diff(before // limit))
    for rows in np.split(present, edges):
        yield int(rows[0]), int(rows[-1]) + 1


def _weighed(config: str, part: Part) -> Iterator[tuple[str, npt.NDArray[np.uint16], Weights]]:
    """Yield the prefixes and weights of a part's rows, split by split."""
    table = SHARDED[config]
    key, split = table.sort_key[0], ["split"] if table.is_split and part.kept is None else []
    size, _, text = (table.cut_by or key).partition(".")
    owner = [] if part.kept is None else ["document_id"]
    needed = dict.fromkeys([key, size, *split, *owner])
    rows = read_part(part.path, list(needed))
    rows = rows if part.kept is None else of_kept(rows, part.kept)
    found = prefixes(rows[key])
    weights: Weights = np.ones(len(found), dtype=np.int64)
    if table.cut_by is not None:
        sizes = _text_bytes(rows[size].combine_chunks(), text) if text else rows[size]
        weights = np.maximum(sizes.to_numpy(), 1)
    if not table.is_split:
        yield WHOLE, found, weights
        return
    splits = rows["split"].to_numpy()
    for name in table.splits:
        yield name, found[splits == name], weights[splits == name]


def _text_bytes(lists: pa.ListArray, part: str) -> pa.Array:
    """Return the bytes of the texts in one part of all structs of each row."""
    lengths = pc.binary_length(lists.flatten().field(part)).to_numpy()
    ends = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    edges = np.concatenate([[0], np.cumsum(pc.list_value_length(lists).to_numpy())])
    return pa.array(np.diff(ends[edges]))
