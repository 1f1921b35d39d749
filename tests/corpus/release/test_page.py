"""One string of a Parquet file is read by its page alone."""

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.release.page import read_struct, text_at

WORDS = ["", "def total(items)", "naïve – ☃", "x" * 3000]


def texts(count: int) -> list[str]:
    """Return texts of which some stand there often."""
    draw = random.Random(3)
    return [draw.choice(WORDS) if n % 2 else draw.randbytes(40).hex() * 9 for n in range(count)]


def written(path: Path, values: list[str | None], **options: object) -> pq.FileMetaData:
    """Write values in row groups of 500 with many pages, and return the footer."""
    columns = {"n": pa.array(range(len(values))), "text": pa.array(values, pa.large_string())}
    settings = {"row_group_size": 500, "data_page_size": 4096, "dictionary_pagesize_limit": 20_000}
    pq.write_table(pa.table(columns), path, **(settings | options))
    return pq.read_metadata(path)


@pytest.mark.parametrize("compression", ["zstd", "snappy", "gzip", "brotli", "none"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("has_dictionary", [True, False])
def test_every_row_of_every_page_is_read(
    tmp_path: Path, compression: str, version: str, has_dictionary: bool
) -> None:
    values = texts(1200)
    path = tmp_path / "texts.parquet"
    footer = written(
        path,
        [*values],
        compression=compression,
        data_page_version=version,
        use_dictionary=has_dictionary,
        use_content_defined_chunking=True,
    )
    assert footer.num_row_groups == 3
    for row in range(0, len(values), 7):
        found = text_at(path, footer, row // 500, "text", row % 500)
        assert found == values[row].encode()


def test_a_row_without_a_text_or_a_column_is_told(tmp_path: Path) -> None:
    path = tmp_path / "texts.parquet"
    footer = written(path, ["a", None, "b"])
    assert [text_at(path, footer, 0, "text", row) for row in (0, 2)] == [b"a", b"b"]
    with pytest.raises(pa.ArrowInvalid, match="row 1 of a row group has no text"):
        text_at(path, footer, 0, "text", 1)
    with pytest.raises(pa.ArrowInvalid, match="not as its footer says"):
        text_at(path, footer, 0, "text", 3)
    with pytest.raises(pa.ArrowInvalid, match="there is no column texts"):
        text_at(path, footer, 0, "texts", 0)


def test_damaged_pages_are_told(tmp_path: Path) -> None:
    path = tmp_path / "texts.parquet"
    footer = written(path, [*texts(500)], compression="none", use_dictionary=False)
    whole = path.read_bytes()
    start = footer.row_group(0).column(1).data_page_offset
    for damaged in (whole[:start], whole[: start + 9], whole[:start] + bytes(len(whole))):
        path.write_bytes(damaged)
        with pytest.raises((pa.ArrowException, OSError)):
            text_at(path, footer, 0, "text", 499)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_struct_or_refused(data: bytes) -> None:
    try:
        _, end = read_struct(data, 0)
    except pa.ArrowInvalid:
        return
    assert 0 < end <= len(data)


def test_a_struct_within_structs_without_end_is_refused() -> None:
    with pytest.raises(pa.ArrowInvalid, match="nested too deeply"):
        read_struct(b"\x1c" * 100_000, 0)
    with pytest.raises(pa.ArrowInvalid, match="more than 64 bits"):
        read_struct(b"\x15" + b"\xff" * 100_000, 0)
