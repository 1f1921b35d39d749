"""Packs Hex tarballs: the same input gives the same bytes, wherever and whenever it runs.

A tarball is an uncompressed tar of VERSION, CHECKSUM, metadata.config and contents.tar.gz, as in
https://github.com/hexpm/specifications (package_tarball.md, package_metadata.md).
"""

import hashlib
import io
import tarfile
import zlib
from collections.abc import Mapping, Sequence

Term = str | bool | int | Sequence["Term"] | Mapping[str, "Term"]
"""What metadata consists of: a mapping becomes a list of pairs, a string a UTF-8 binary."""


def pack(metadata: Mapping[str, Term], files: Mapping[str, bytes]) -> bytes:
    """Pack one release. `app`, `files` and what else the format requires is filled in if absent.

    `metadata` needs `name` and `version`; `files` are the package's own, by relative path.
    """
    described = {**defaults(metadata, files), **metadata}
    config = metadata_config(described)
    contents = gzipped(tar({path: files[path] for path in sorted(files)}))
    checksum = hashlib.sha256(b"3" + config + contents).hexdigest().upper()
    return tar(
        {
            "VERSION": b"3",
            "CHECKSUM": checksum.encode(),
            "metadata.config": config,
            "contents.tar.gz": contents,
        }
    )


def defaults(metadata: Mapping[str, Term], files: Mapping[str, bytes]) -> dict[str, Term]:
    """Return the required metadata that follows from the rest, or is harmless when empty."""
    return {
        "app": metadata["name"],
        "description": "",
        "licenses": [],
        "links": {},
        "requirements": {},
        "build_tools": ["mix"],
        "files": sorted(files),
    }


def metadata_config(metadata: Mapping[str, Term]) -> bytes:
    """Write metadata.config: one Erlang pair a line, in the order of the mapping."""
    return "".join(
        f"{{{binary(key)},{term(value)}}}.\n" for key, value in metadata.items()
    ).encode()


def term(value: Term) -> str:
    """Write one value as an Erlang term."""
    match value:
        case str():
            return binary(value)
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Mapping():
            return "[" + ",".join(f"{{{binary(k)},{term(v)}}}" for k, v in value.items()) + "]"
        case _:
            return "[" + ",".join(map(term, value)) + "]"


def binary(text: str) -> str:
    """Write a string as an Erlang binary in UTF-8."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'<<"{escaped}"/utf8>>'


def tar(members: Mapping[str, bytes]) -> bytes:
    """Write an uncompressed tar of regular files, owned by nobody, from the epoch."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, data in members.items():
            member = tarfile.TarInfo(path)
            member.size = len(data)
            member.mode = 0o644
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def gzipped(data: bytes) -> bytes:
    """Compress with a header of zlib's own: that of `gzip.compress` differs from Python 3.13 on."""
    return zlib.compress(data, level=9, wbits=16 + zlib.MAX_WBITS)


def inner_checksum(tarball: bytes) -> bytes:
    """Return the deprecated checksum that a tarball carries, or nothing if it is no tarball."""
    try:
        with tarfile.open(fileobj=io.BytesIO(tarball)) as archive:
            member = archive.extractfile("CHECKSUM")
            return bytes.fromhex(member.read().decode()) if member else b""
    except (tarfile.TarError, KeyError, ValueError):
        return b""
