"""Reading the rows of a benchmark as the Hub holds them: JSON lines or Parquet."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from corpus.untrusted import parse_json
from train.evaluate.errors import MalformedBenchmark, NoBenchmark

SUFFIXES = (".jsonl", ".json", ".parquet")

Row = Mapping[str, Any]


def rows_of(path: Path) -> Iterator[tuple[Path, Row]]:
    """Yield each row with the file it came from; a folder's files in the order of their names.

    Raises NoBenchmark where there is nothing to read and MalformedBenchmark for a file that is
    neither format.
    """
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    files = [each for each in files if each.suffix in SUFFIXES]
    if not files:
        raise NoBenchmark(path, "a .jsonl or .parquet file, or a folder of them")
    for file in files:
        for row in parquet_rows(file) if file.suffix == ".parquet" else json_rows(file):
            yield file, row


def json_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a file with one JSON object a line."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    row = parse_json(line)
                except ValueError as error:
                    raise MalformedBenchmark(path, f"line {number} is not JSON: {error}") from error
                if not isinstance(row, dict):
                    raise MalformedBenchmark(path, f"line {number} is not an object")
                yield row


def parquet_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        yield from pq.read_table(path).to_pylist()
    except pa.ArrowInvalid as error:
        raise MalformedBenchmark(path, str(error)) from error


def text(path: Path, row: Row, name: str) -> str:
    """Return a column that must hold text. Raises MalformedBenchmark."""
    value = row.get(name)
    if not isinstance(value, str):
        raise MalformedBenchmark(path, f"a row has no text in its column {name!r}")
    return value
