"""What Xet stores, as its published specification has it: xorbs of chunks, and shards of files.

A xorb is chunks one after the other, each behind a header of eight bytes; a file is ranges of
chunks; a shard tells the files. Hashes of chunks are not checked: they are keyed BLAKE3, and the
SHA-256 of each file says whether it is whole.
"""

import struct
from collections.abc import Iterator

import pyarrow as pa

RAW, LZ4, GROUPED = 0, 1, 2
"""How a chunk is compressed: not, by LZ4, by LZ4 after every fourth byte was put together."""
SHARD_HEADER = 48
ENTRY = struct.Struct("<32s4I")
"""An entry of a shard: a hash, and four numbers that depend on what it tells of."""
LAST = b"\xff" * 32
WITH_VERIFICATION, WITH_SHA256 = 1 << 31, 1 << 30

Term = tuple[str, int, int]
"""A xorb, and the first chunk of it and the one behind the last."""


def chunks_of(xorb: bytes) -> list[bytes]:
    """Return the chunks of a xorb; a footer may follow them."""
    found, place = [], 0
    while place < len(xorb) and xorb[place] == 0:
        packed = int.from_bytes(xorb[place + 1 : place + 4], "little")
        kind = xorb[place + 4]
        size = int.from_bytes(xorb[place + 5 : place + 8], "little")
        place += 8
        found.append(_expanded(xorb[place : place + packed], kind, size))
        place += packed
    return found


def _expanded(data: bytes, kind: int, size: int) -> bytes:
    if kind == RAW:
        return data
    plain = pa.decompress(data, decompressed_size=size, codec="lz4", asbytes=True)
    if kind == LZ4:
        return bytes(plain)
    assert kind == GROUPED
    made, start = bytearray(size), 0
    for first in range(4):
        count = len(range(first, size, 4))
        made[first::4] = plain[start : start + count]
        start += count
    return bytes(made)


def files_in(shard: bytes) -> Iterator[tuple[str, list[Term]]]:
    """Yield the SHA-256 of each file that a shard tells, and what it is made of."""
    place = SHARD_HEADER
    while True:
        name, flags, count, _, _ = ENTRY.unpack_from(shard, place)
        if name == LAST:
            return
        place += ENTRY.size
        terms = []
        for _ in range(count):
            xorb, _, _, first, last = ENTRY.unpack_from(shard, place)
            terms.append((hexadecimal(xorb), first, last))
            place += ENTRY.size
        if flags & WITH_VERIFICATION:
            place += count * ENTRY.size
        assert flags & WITH_SHA256, "the Hub names files by it"
        digest, *_ = ENTRY.unpack_from(shard, place)
        place += ENTRY.size
        yield hexadecimal(digest), terms


def hexadecimal(digest: bytes) -> str:
    """Return a hash as Xet writes it: four numbers of eight bytes, the lowest byte first."""
    return "".join(f"{number:016x}" for number in struct.unpack("<4Q", digest))
