"""Intermediate tables: written once, read whole, by columns and batch by batch."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.parts import BATCH_BYTES, one_batch, open_part, part_writer, read_part, write_part

ROWS = pa.table({"name": ["b", "a", None], "lines": [3, 1, 2], "tags": [["x"], [], ["y", "z"]]})


@pytest.mark.parametrize("is_random", [False, True])
def test_a_part_gives_back_its_rows_and_its_metadata(tmp_path: Path, is_random: bool) -> None:
    rows = ROWS.replace_schema_metadata({b"made": b"here"})
    write_part(rows, tmp_path / "rows.arrow", is_random=is_random)
    found = read_part(tmp_path / "rows.arrow")
    assert found.equals(rows)
    assert found.schema.equals(rows.schema, check_metadata=True)


def test_columns_come_in_the_order_that_they_are_asked_for(tmp_path: Path) -> None:
    write_part(ROWS, tmp_path / "rows.arrow")
    found = read_part(tmp_path / "rows.arrow", ["tags", "name"])
    assert found.equals(ROWS.select(["tags", "name"]))


def test_a_column_that_a_part_does_not_have_is_named(tmp_path: Path) -> None:
    write_part(ROWS, tmp_path / "rows.arrow")
    with pytest.raises(KeyError, match="bytes"):
        read_part(tmp_path / "rows.arrow", ["name", "bytes"])


def test_a_batch_holds_a_few_megabytes_at_most(tmp_path: Path) -> None:
    rows = pa.table({"text": ["x" * 100_000] * 100})
    write_part(rows, tmp_path / "rows.arrow")
    with open_part(tmp_path / "rows.arrow") as part:
        sizes = [part.get_batch(n).nbytes for n in range(part.num_record_batches)]
    assert len(sizes) > 1
    assert max(sizes) <= BATCH_BYTES
    assert read_part(tmp_path / "rows.arrow").equals(rows)


@given(st.lists(st.lists(st.integers(0, 9), max_size=4), max_size=6))
def test_each_batch_keeps_its_place_also_where_it_is_empty(
    tmp_path_factory: pytest.TempPathFactory, groups: list[list[int]]
) -> None:
    path = tmp_path_factory.mktemp("parts") / "rows.arrow"
    schema = pa.schema([("number", pa.int64())])
    with part_writer(path, schema) as writer:
        for group in groups:
            writer.write_batch(one_batch(pa.table({"number": group}, schema=schema)))
    with open_part(path, ["number"]) as part:
        found = [part.get_batch(n)["number"].to_pylist() for n in range(part.num_record_batches)]
    assert found == groups


@pytest.mark.parametrize("content", [b"", b"PAR1 is another format PAR1", b"ARROW1\0\0"])
def test_what_is_no_part_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "rows.arrow").write_bytes(content)
    with pytest.raises(pa.ArrowInvalid):
        read_part(tmp_path / "rows.arrow")


def test_a_column_that_was_read_alone_keeps_nothing_of_the_others(tmp_path: Path) -> None:
    rows = pa.table({"name": ["a"] * 1000, "data": [bytes(1000)] * 1000})
    write_part(rows, tmp_path / "rows.arrow", is_random=True)
    before = pa.total_allocated_bytes()
    found = read_part(tmp_path / "rows.arrow", ["name"])
    assert found["name"].to_pylist() == ["a"] * 1000
    assert pa.total_allocated_bytes() - before < 100_000
