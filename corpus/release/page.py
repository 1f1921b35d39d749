"""One value of a Parquet column, by decoding only the page that holds it.

Arrow reads whole row groups. One of documents is 8 MB of text, of which a lookup wants one file;
decompressing the rest was most of its time. A column chunk is a sequence of pages, each behind a
header with its size and the number of its values (Apache Parquet, "File format"), so the page is
found by the headers alone. It is copied, with the dictionary that it may refer to, into a file of
one page in memory, which Arrow reads: encodings and compression stay Arrow's.

Headers and footers are structs in Thrift's compact protocol. What is read here may come from
anywhere, so every length is checked, and structs are read to a fixed depth.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.places import open_input

MAGIC = b"PAR1"
DATA, DICTIONARY, DATA_V2 = 0, 2, 3
"""Types of pages."""
CODECS = {"UNCOMPRESSED": 0, "SNAPPY": 1, "GZIP": 2, "BROTLI": 4, "ZSTD": 6}
BYTE_ARRAY, PLAIN, RLE, RLE_DICTIONARY = 6, 0, 3, 8
"""A type and encodings of Parquet."""
I32, I64, BINARY, LIST, STRUCT = 5, 6, 8, 9, 12
"""Types of Thrift's compact protocol."""
DEEPEST = 4
"""A page header is a struct with structs in a struct."""

Struct = dict[int, "int | bytes | Struct"]


def text_at(path: Path, footer: pq.FileMetaData, group: int, column: str, row: int) -> bytes:
    """Return the bytes of one string, by its place in a row group.

    `column` is a column of strings at the top level, and `footer` that of the file. Raises OSError
    and pyarrow.ArrowException for a file that is not as its footer says.
    """
    names = [footer.schema.column(place).path for place in range(footer.num_columns)]
    if column not in names:
        raise pa.ArrowInvalid(f"{path}: there is no column {column}")
    place = names.index(column)
    chunk = footer.row_group(group).column(place)
    if chunk.compression not in CODECS:
        raise pa.ArrowInvalid(f"{path}: {column} is compressed with {chunk.compression}")
    start = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
    with open_input(path) as file:
        data = file.read_at(chunk.total_compressed_size, start)
    dictionary, page, values, before = _page_with(data, row)
    is_optional = footer.schema.column(place).max_definition_level == 1
    alone = _one_page(dictionary, page, values, CODECS[chunk.compression], is_optional)
    read = pq.ParquetFile(pa.BufferReader(alone)).read(use_threads=False)["value"]
    text: bytes | None = read[row - before].as_py() if len(read) == values else None
    if text is None:
        raise pa.ArrowInvalid(f"{path}: row {row} of a row group has no {column}")
    return text


def _page_with(data: bytes, row: int) -> tuple[bytes, bytes, int, int]:
    """Return the dictionary if it is needed, the page with a row, its values, and those before."""
    dictionary, before, start = b"", 0, 0
    while start < len(data):
        header, body = read_struct(data, start)
        size = header.get(3)
        if not isinstance(size, int) or not 0 <= size <= len(data) - body:
            break
        page = data[start : body + size]
        if header.get(1) == DICTIONARY:
            dictionary = page
        elif header.get(1) in (DATA, DATA_V2):
            told, encoding = (header.get(8), 4) if header[1] == DATA_V2 else (header.get(5), 2)
            values = told.get(1) if isinstance(told, dict) else None
            if not isinstance(told, dict) or not isinstance(values, int) or values < 0:
                break
            if row < before + values:
                is_plain = told.get(encoding) == PLAIN
                return b"" if is_plain else dictionary, page, values, before
            before += values
        start = body + size
    raise pa.ArrowInvalid("the pages of a column are not as its footer says")


def _one_page(dictionary: bytes, page: bytes, values: int, codec: int, is_optional: bool) -> bytes:
    """Return a Parquet file of one column `value` with one page."""
    size = len(dictionary) + len(page)
    root = _struct((4, BINARY, _binary(b"root")), (5, I32, _integer(1)))
    value = _struct(
        (1, I32, _integer(BYTE_ARRAY)),
        (3, I32, _integer(int(is_optional))),
        (4, BINARY, _binary(b"value")),
    )
    chunk = _struct(
        (1, I32, _integer(BYTE_ARRAY)),
        (2, LIST, _list(I32, *map(_integer, (PLAIN, RLE, RLE_DICTIONARY)))),
        (3, LIST, _list(BINARY, _binary(b"value"))),
        (4, I32, _integer(codec)),
        *((number, I64, _integer(count)) for number, count in ((5, values), (6, size), (7, size))),
        (9, I64, _integer(len(MAGIC) + len(dictionary))),
        *([(11, I64, _integer(len(MAGIC)))] if dictionary else []),
    )
    columns = _list(STRUCT, _struct((2, I64, _integer(len(MAGIC))), (3, STRUCT, chunk)))
    group = _struct((1, LIST, columns), (2, I64, _integer(size)), (3, I64, _integer(values)))
    footer = _struct(
        (1, I32, _integer(2)),
        (2, LIST, _list(STRUCT, root, value)),
        (3, I64, _integer(values)),
        (4, LIST, _list(STRUCT, group)),
    )
    return b"".join(
        (MAGIC, dictionary, page, footer, len(footer).to_bytes(4, "little"), MAGIC),
    )


def read_struct(data: bytes, start: int, depth: int = DEEPEST) -> tuple[Struct, int]:
    """Read a struct of the compact protocol: its fields by number, and where it ends.

    Raises pyarrow.ArrowInvalid for other bytes.
    """
    if not depth:
        raise pa.ArrowInvalid("a page header is nested too deeply")
    fields: Struct = {}
    number = 0
    while True:
        head, start = _byte(data, start)
        if not head:
            return fields, start
        if head >> 4:
            number += head >> 4
        else:
            number, start = _read_integer(data, start)
        fields[number], start = _read_value(data, start, head & 15, depth)


def _read_value(
    data: bytes, start: int, kind: int, depth: int
) -> tuple["int | bytes | Struct", int]:
    match kind:
        case 1 | 2:
            return kind == 1, start
        case 4 | 5 | 6:
            return _read_integer(data, start)
        case 8:
            size, start = _read_varint(data, start)
            if size > len(data) - start:
                raise pa.ArrowInvalid("a page header ends behind its column")
            return data[start : start + size], start + size
        case 12:
            return read_struct(data, start, depth - 1)
    raise pa.ArrowInvalid(f"a page header has a field of the type {kind}")


def _byte(data: bytes, start: int) -> tuple[int, int]:
    if start >= len(data):
        raise pa.ArrowInvalid("a page header ends behind its column")
    return data[start], start + 1


def _read_varint(data: bytes, start: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 64, 7):
        byte, start = _byte(data, start)
        value |= (byte & 127) << shift
        if byte < 128:
            return value, start
    raise pa.ArrowInvalid("a page header has a number of more than 64 bits")


def _read_integer(data: bytes, start: int) -> tuple[int, int]:
    value, start = _read_varint(data, start)
    return (value >> 1) ^ -(value & 1), start


def _struct(*fields: tuple[int, int, bytes]) -> bytes:
    """Write a struct of fields in the order of their numbers: number, type and value of each."""
    written, last = b"", 0
    for number, kind, value in fields:
        written += bytes([number - last << 4 | kind]) + value
        last = number
    return written + b"\0"


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    return bytes([*written, value])


def _integer(value: int) -> bytes:
    return _varint(value << 1)


def _binary(value: bytes) -> bytes:
    return _varint(len(value)) + value


def _list(kind: int, *items: bytes) -> bytes:
    return bytes([len(items) << 4 | kind]) + b"".join(items)
