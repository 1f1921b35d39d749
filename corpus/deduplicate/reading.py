"""Reading fingerprints from the parts of ingest: small columns at once, large ones as a stream."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.errors import CorpusError
from corpus.parts import copied, open_part
from corpus.tables import FINGERPRINTS, PERMUTATIONS

LIGHT = (
    "document_id",
    "content_id",
    "source",
    "package",
    "version",
    "path",
    "role",
    "license_evidence",
    "normalized_id",
)
_HEAVY = ("shingles", "signature", "functions")
Sizes = npt.NDArray[np.int64]


class BadFingerprints(CorpusError):
    """A part does not have the form that ingest writes."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"{path}: {problem}. Remove the folder {path.parent} and build again to remake it."
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """Some documents in input order.

    `signatures` has one row a document.
    """

    shingles: "Lists"
    functions: "Lists"
    signatures: npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Lists:
    """Sorted, unique numbers of several documents, concatenated.

    Document k's are from `offsets[k]` to `offsets[k + 1]`.
    """

    offsets: npt.NDArray[np.int64]
    values: npt.NDArray[np.uint64]

    def of(self, chosen: npt.NDArray[np.bool_]) -> tuple[Sizes, npt.NDArray[np.uint64]]:
        """Return the lengths of some documents' lists, and these lists concatenated."""
        sizes = np.diff(self.offsets)
        return sizes[chosen], self.values[np.repeat(chosen, sizes)]


def read_light(paths: Sequence[Path]) -> pa.Table:
    """Read the columns that describe documents, in input order.

    Raises BadFingerprints for a part that cannot be read, has another schema or a null, and for a
    document_id that occurs twice.
    """
    import pyarrow.compute as pc

    tables = [_read_columns(path) for path in paths]
    table = pa.concat_tables(tables) if tables else FINGERPRINTS.empty_table().select(LIGHT)
    counts = pc.value_counts(table["document_id"])
    repeated = counts.filter(pc.greater(counts.field("counts"), 1))
    if len(repeated):
        name = repeated[0]["values"].as_py()
        path = _parts_with(name, paths, tables)
        raise BadFingerprints(path, f"document_id {name} occurs more than once in the input")
    return table


def _read_columns(path: Path) -> pa.Table:
    with _opened(path, LIGHT) as part:
        table = copied(part, LIGHT)
    for name in LIGHT:
        if table[name].null_count:
            raise BadFingerprints(path, f"column {name} holds nulls")
    return table


def _parts_with(document_id: str, paths: Sequence[Path], tables: Sequence[pa.Table]) -> Path:
    import pyarrow.compute as pc

    holds = (pc.any(pc.equal(table["document_id"], document_id)).as_py() for table in tables)
    return [path for path, found in zip(paths, holds, strict=True) if found][-1]


def read_heavy(paths: Sequence[Path]) -> Iterator[Batch]:
    """Yield shingles, signatures and functions of all documents, in the order of `read_light`.

    Raises BadFingerprints if shingles or functions are not sorted and unique.
    """
    for path in paths:
        with _opened(path, _HEAVY) as part:
            for number in range(part.num_record_batches):
                yield _checked(path, part.get_batch(number))


def _checked(path: Path, batch: pa.RecordBatch) -> Batch:
    for name in _HEAVY:
        if batch[name].null_count:
            raise BadFingerprints(path, f"column {name} holds nulls")
    shingles, functions = (_lists(path, batch, name) for name in ("shingles", "functions"))
    return Batch(shingles, functions, _numbers(batch["signature"]))


def _lists(path: Path, batch: pa.RecordBatch, name: str) -> Lists:
    lengths = batch[name].value_lengths().to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    values = batch[name].flatten().to_numpy()
    if not _sorted_between(values, offsets):
        raise BadFingerprints(path, f"{name} are not sorted and unique")
    return Lists(offsets, values)


def _sorted_between(values: npt.NDArray[np.uint64], offsets: npt.NDArray[np.int64]) -> bool:
    """Return whether values increase everywhere except where a new document begins."""
    rises = np.ones(len(values) + 1, dtype=bool)
    np.greater(values[1:], values[:-1], out=rises[1:-1])
    rises[offsets] = True
    return bool(rises.all())


def _numbers(signatures: pa.FixedSizeBinaryArray) -> npt.NDArray[np.uint32]:
    numbers = np.frombuffer(signatures.buffers()[1], dtype="<u4").reshape(-1, PERMUTATIONS)
    return numbers[signatures.offset : signatures.offset + len(signatures)]


@contextmanager
def _opened(path: Path, columns: tuple[str, ...]) -> Iterator[pa.ipc.RecordBatchFileReader]:
    """Open a part to read it batch by batch; errors of Arrow become BadFingerprints."""
    try:
        with open_part(path) as part:
            problem = _schema_problem(part.schema)
        if problem:
            raise BadFingerprints(path, problem)
        with open_part(path, columns) as part:
            yield part
    except (pa.ArrowException, OSError) as error:
        raise BadFingerprints(path, f"cannot be read ({error})") from error


def _schema_problem(found: pa.Schema) -> str | None:
    for name in (*LIGHT, *_HEAVY):
        index = found.get_field_index(name)
        if index < 0:
            return f"column {name} is missing"
        wanted = FINGERPRINTS.field(name).type
        if not _compatible(found.field(index).type, wanted):
            return f"column {name} is {found.field(index).type}, not {wanted}"
    return None


def _compatible(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Return whether types are equal, except for the names of list items."""
    if pa.types.is_list(wanted):
        return bool(pa.types.is_list(found) and found.value_type == wanted.value_type)
    return bool(found == wanted)
