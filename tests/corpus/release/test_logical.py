import hashlib
from collections.abc import Iterator, Sequence
from itertools import groupby

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from corpus.release.logical import logical_digest

Row = tuple[str | None, str | None, int | None]
TEXTS = st.none() | st.text("ab\t\n\0\u00e9", max_size=3)
ROWS = st.lists(st.tuples(TEXTS, TEXTS, st.none() | st.integers(-2, 12)), max_size=30)
SCHEMA = pa.schema(
    [("document_id", pa.string()), ("module", pa.string()), ("start_line", pa.int32())]
)


def digest_of(rows: Sequence[Row], at_once: int) -> str:
    """Return the digest of rows of `modules`, read `at_once` at a time."""

    def read(columns: list[str]) -> Iterator[pa.RecordBatch]:
        assert columns == SCHEMA.names
        for start in range(0, len(rows), at_once):
            columns_of = zip(*rows[start : start + at_once], strict=True)
            arrays = [
                pa.array(each, field.type) for each, field in zip(columns_of, SCHEMA, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)

    return logical_digest("modules", read)


def test_the_digest_is_that_of_sorted_lines() -> None:
    rows = [("a", "N", 10), ("a", "N", 9), ("b", None, 1)]
    lines = b"a\0N\x0010\na\0N\x009\nb\0None\x001\n"
    assert digest_of(rows, 8) == hashlib.sha256(lines).hexdigest()


@given(ROWS, st.integers(1, 7))
def test_it_does_not_depend_on_the_batches_nor_on_the_order_of_equal_keys(
    rows: list[Row], at_once: int
) -> None:
    rows.sort(key=lambda row: (row[0] is None, row[0] or ""))
    expected = hashlib.sha256()
    for _, equal in groupby(rows, key=lambda row: row[0]):
        for line in sorted("\0".join(map(str, row)) for row in equal):
            expected.update(line.encode() + b"\n")
    assert digest_of(rows, at_once) == expected.hexdigest()


def test_no_rows_have_the_digest_of_nothing() -> None:
    assert digest_of([], 1) == hashlib.sha256().hexdigest()
