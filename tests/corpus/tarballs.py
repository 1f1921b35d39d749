"""Packs tarballs, good and bad, with the standard library."""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping, Sequence

METADATA = b"""{<<"name">>,<<"decimal">>}.
{<<"version">>,<<"1.0.0">>}.
{<<"app">>,<<"decimal">>}.
{<<"licenses">>,[<<"Apache-2.0">>]}.
"""
FILES = {"lib/decimal.ex": b"defmodule Decimal do\nend\n", "mix.exs": b"# mix\n"}


def entry(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    info.type = kind
    return info


def tar(files: Mapping[str, bytes], format_: int = tarfile.USTAR_FORMAT) -> bytes:
    return tar_of([(entry(name, len(data)), data) for name, data in files.items()], format_)


def tar_of(
    entries: Sequence[tuple[tarfile.TarInfo, bytes]], format_: int = tarfile.PAX_FORMAT
) -> bytes:
    """Pack entries in the given order, also such as a careful packer would not write."""
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w", format=format_) as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data))
    return body.getvalue()


def compressed(contents: bytes) -> bytes:
    return gzip.compress(contents, mtime=0)


def hex_files(contents: bytes, metadata: bytes = METADATA) -> dict[str, bytes]:
    """Return the files of the outer tar around a contents.tar.gz."""
    checksum = hashlib.sha256(b"3" + metadata + contents).hexdigest().upper().encode()
    return {
        "VERSION": b"3",
        "CHECKSUM": checksum,
        "metadata.config": metadata,
        "contents.tar.gz": contents,
    }


def hex_tarball(contents: bytes, metadata: bytes = METADATA) -> bytes:
    """Return a Hex tarball around a contents.tar.gz."""
    return tar(hex_files(contents, metadata))


def hex_tarball_of(files: Mapping[str, bytes], metadata: bytes = METADATA) -> bytes:
    return hex_tarball(compressed(tar(files)), metadata)
