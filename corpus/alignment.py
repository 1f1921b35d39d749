"""Two releases side by side: the rows of a table in the order of their keys, a window at a time.

A merge of sorted files (Knuth, The Art of Computer Programming, volume 3, section 5.4.1). A split
of a table is sorted by a digest, the first column of its sort key, over all of its shards, so a
window holds the rows of both releases up to some digest, and no row of it has its counterpart
outside. Memory is some thousand rows of each split, however long the tables are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import CorpusError
from corpus.identifiers import DIGITS, Identifiers, identifiers
from corpus.release import Release, UnreadableRelease
from corpus.release.reading import open_shard
from corpus.tables import SHARDED

WINDOW_ROWS = 4096
"""Rows that are read of a split at a time."""
MOST_EQUAL = 1_000_000
"""Rows with the same digest that are held at once; documents have some thousand functions."""

Places = npt.NDArray[np.int64]
Marks = npt.NDArray[np.bool_]


class OutOfOrder(CorpusError):
    """The rows of a release are not those of a build, so they cannot be walked through."""

    def __init__(self, release: Release, config: str, detail: str) -> None:
        super().__init__(
            f"{release.path}: the table {config} {detail}. The release was altered or copied "
            f"badly: `python -m corpus verify {release.path}` names every damaged file."
        )


@dataclass(frozen=True, slots=True)
class Window:
    """Rows of two releases, and which of them are the same row."""

    old: pa.Table
    new: pa.Table
    old_places: Places
    """Of rows of `old` that `new` has too, by their key."""
    new_places: Places
    """Of the same rows in `new`, in the same order."""

    def only_old(self) -> pa.Table:
        """Return the rows that the new release lacks."""
        return _without(self.old, self.old_places)

    def only_new(self) -> pa.Table:
        """Return the rows that the old release lacks."""
        return _without(self.new, self.new_places)

    def pairs(self) -> tuple[pa.Table, pa.Table]:
        """Return the rows that both have, in the same order."""
        return _taken(self.old, self.old_places), _taken(self.new, self.new_places)


def columns_of(release: Release, config: str) -> pa.Schema | None:
    """Return the columns in which a release holds a table, None without a file of it.

    Raises UnreadableRelease.
    """
    for shard in release.shards(config):
        try:
            with open_shard(release.path / shard.path) as file:
                return file.schema_arrow
        except (OSError, pa.ArrowException) as error:
            raise UnreadableRelease(release, error) from error
    return None


def aligned(
    old: Release, new: Release, config: str, key: Sequence[str], columns: pa.Schema
) -> Iterator[Window]:
    """Yield every row of a table of both releases, once, in windows.

    `key` names a row; its first column is the first of the table's sort key. Rows with equal keys
    are told apart by their place among each other. Both releases hold the `columns`, `key` among
    them, as these types. Raises OutOfOrder and UnreadableRelease.
    """
    sides = [
        [_Cursor(release, config, split, key[0], columns) for split in SHARDED[config].splits]
        for release in (old, new)
    ]
    waiting = [cursor for side in sides for cursor in side]
    while True:
        for cursor in waiting:
            cursor.fill()
        ends = [cursor.end for cursor in waiting if cursor.end is not None]
        bound = min(ends, default=None)
        taken = [[cursor.take(bound) for cursor in side] for side in sides]
        before, after = map(pa.concat_tables, taken)
        if len(before) or len(after):
            yield _window(before, after, key)
        elif bound is None:
            return
        else:
            for cursor in waiting:
                cursor.read_on(bound)


def differing(old: pa.Table, new: pa.Table, column: str) -> Marks:
    """Return which rows have another value in a column; the tables have the same length."""
    mine, theirs = old[column].combine_chunks(), new[column].combine_chunks()
    if mine.equals(theirs):
        return np.zeros(len(mine), dtype=bool)
    return _differing(mine, theirs)


class _Cursor:
    """Where the walk through one split stands, and the rows that were read and not taken."""

    def __init__(
        self, release: Release, config: str, split: str, key: str, columns: pa.Schema
    ) -> None:
        self._release, self._config, self._key = release, config, key
        self._batches = (
            batch
            for shard in release.shards(config, split)
            for batch in release.batches_in(shard.path, columns.names, WINDOW_ROWS)
        )
        self._rows = columns.empty_table()
        self._ids: Identifiers = np.empty(0, dtype=f"S{DIGITS}")
        self._is_over = False

    @property
    def end(self) -> bytes | None:
        """The digest from which on rows may still be unread; None at the end of the split."""
        return None if self._is_over else bytes(self._ids[-1])

    def fill(self) -> None:
        """Read on if nothing is left."""
        while not len(self._ids) and not self._is_over:
            self._read()

    def read_on(self, bound: bytes) -> None:
        """Read more rows, where all that were read have the same digest."""
        if not self._is_over and self._ids[-1] == bound:
            self._read()

    def take(self, bound: bytes | None) -> pa.Table:
        """Take the rows before a digest, all of them without one."""
        count = len(self._ids)
        if bound is not None:
            count = int(np.searchsorted(self._ids, np.bytes_(bound)))
        taken, self._rows = self._rows.slice(0, count), self._rows.slice(count)
        self._ids = self._ids[count:]
        return taken

    def _read(self) -> None:
        try:
            batch = next(self._batches, None)
        except (OSError, pa.ArrowException) as error:
            raise UnreadableRelease(self._release, error) from error
        if batch is None:
            self._is_over = True
            return
        joined = np.concatenate([self._ids, self._identifiers(batch)])
        if len(joined) > MOST_EQUAL:
            detail = f"has more than {MOST_EQUAL} rows with the {self._key} {joined[-1].decode()}"
            raise OutOfOrder(self._release, self._config, detail)
        if (joined[1:] < joined[:-1]).any():
            raise OutOfOrder(self._release, self._config, f"is not sorted by {self._key}")
        self._rows = pa.concat_tables([self._rows, pa.Table.from_batches([batch])])
        self._ids = joined

    def _identifiers(self, batch: pa.RecordBatch) -> Identifiers:
        try:
            if batch[self._key].null_count:
                raise pa.ArrowInvalid("null")
            return identifiers(batch[self._key])
        except pa.ArrowException:
            detail = f"has a {self._key} that is no digest"
            raise OutOfOrder(self._release, self._config, detail) from None


def _window(old: pa.Table, new: pa.Table, key: Sequence[str]) -> Window:
    codes = _codes(old, new, key)
    _, places, others = np.intersect1d(
        codes[: len(old)], codes[len(old) :], assume_unique=True, return_indices=True
    )
    order = np.argsort(places)
    return Window(old, new, places[order].astype(np.int64), others[order].astype(np.int64))


def _codes(old: pa.Table, new: pa.Table, key: Sequence[str]) -> Places:
    """Return a number for each row, of both tables one after the other, that its key decides.

    Of rows with equal keys in one table the first is the counterpart of the other's first, and so
    on.
    """
    rows = len(old) + len(new)
    codes: Places = np.zeros(rows, dtype=np.int64)
    for name in key:
        codes = _ranked(codes * (rows + 1) + _values(old, new, name))
    repeats = np.concatenate([_repeats(codes[: len(old)]), _repeats(codes[len(old) :])])
    codes = codes * (rows + 1) + repeats
    return codes


def _values(old: pa.Table, new: pa.Table, name: str) -> Places:
    """Return a number for each value of a column, below the number of rows of both tables."""
    whole = pa.chunked_array([*old[name].chunks, *new[name].chunks], old.schema.field(name).type)
    encoded = whole.combine_chunks().dictionary_encode("encode")
    values: Places = np.asarray(encoded.indices).astype(np.int64)
    return values


def _ranked(codes: Places) -> Places:
    ranks: Places = np.unique(codes, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return ranks


def _repeats(codes: Places) -> Places:
    """Return for each row how many before it have the same code."""
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    counts = np.empty(len(codes), dtype=np.int64)
    lengths = np.diff(np.append(starts, len(codes)))
    counts[order] = np.arange(len(codes)) - np.repeat(starts, lengths)
    return counts


def _taken(rows: pa.Table, places: Places) -> pa.Table:
    is_whole = len(places) == len(rows) and bool((places == np.arange(len(rows))).all())
    return rows if is_whole else rows.take(places)


def _without(rows: pa.Table, places: Places) -> pa.Table:
    left = np.ones(len(rows), dtype=bool)
    left[places] = False
    return rows.filter(pa.array(left))


def _differing(old: pa.Array, new: pa.Array) -> Marks:
    """Compare two arrays of the same length and type, value by value, lists and structs too."""
    missing: Marks = np.asarray(old.is_null()) != np.asarray(new.is_null())
    both: Marks = np.asarray(old.is_valid()) & np.asarray(new.is_valid())
    kind = old.type
    if pa.types.is_struct(kind):
        found = np.zeros(len(old), dtype=bool)
        for place in range(kind.num_fields):
            found |= _differing(pc.struct_field(old, [place]), pc.struct_field(new, [place]))
        return missing | (found & both)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return missing | (_differing_lists(old, new) & both)
    if pa.types.is_null(kind):
        return missing
    unequal: Marks = np.asarray(pc.fill_null(pc.not_equal(old, new), False))
    return missing | unequal


def _differing_lists(old: pa.Array, new: pa.Array) -> Marks:
    lengths, others = (np.asarray(pc.fill_null(pc.list_value_length(x), 0)) for x in (old, new))
    found: Marks = lengths != others
    equal = np.flatnonzero(~found & (lengths > 0))
    if len(equal):
        chosen = pa.array(equal)
        mine, theirs = (pc.list_flatten(each.take(chosen)) for each in (old, new))
        owners = np.repeat(equal, lengths[equal])
        found[owners[_differing(mine, theirs)]] = True
    return found
