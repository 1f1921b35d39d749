"""Real sources with edited copies, and their fingerprints in parts, for the benchmarks."""

import hashlib
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from corpus.fingerprint import FingerprintConfig, fingerprint
from corpus.parts import write_part
from corpus.tables import FINGERPRINTS

LANGUAGES = {".ex": "elixir", ".exs": "elixir", ".erl": "erlang", ".hrl": "erlang"}
ROWS = 500
"""Rows of a part."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file; `copy` is 0 for the original."""

    name: str
    text: bytes
    language: str
    copy: int = 0


def read_sources(folders: Iterable[Path]) -> list[Source]:
    """Read every Elixir and Erlang file in UTF-8, sorted by path."""
    paths = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
    found = [(path, LANGUAGES.get(path.suffix)) for path in paths]
    sources = [Source(str(path), path.read_bytes(), kind) for path, kind in found if kind]
    return [source for source in sources if is_utf8(source.text)]


def is_utf8(text: bytes) -> bool:
    """Tell whether the peers could read it."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def edited(source: Source, copy: int) -> Source:
    """Replace between none and a fifth of the lines, the same ones every time."""
    chance = random.Random(f"{source.name} {copy}")
    share = chance.uniform(0, 0.2)
    lines = [
        b"replaced(%d, %d)" % (copy, chance.randrange(10**6)) if chance.random() < share else line
        for line in source.text.split(b"\n")
    ]
    return Source(source.name, b"\n".join(lines), source.language, copy)


def row(source: Source) -> dict[str, object]:
    """Fingerprint one file into a row of FINGERPRINTS, in a package of its own."""
    found = fingerprint(source.text, source.language, (), FingerprintConfig())
    identity = hashlib.sha256(f"{source.copy} {source.name}".encode()).hexdigest()
    return {
        "document_id": identity,
        "content_id": identity,
        "source": "local",
        "package": identity,
        "version": "1.0.0",
        "archive_sha256": "",
        "path": source.name,
        "bytes": len(source.text),
        "role": "library",
        "tokens": found.tokens,
        "license_evidence": "verified",
        "normalized_id": found.normalized_id,
        "shingles": found.shingles,
        "signature": found.signature.tobytes(),
        "functions": found.functions,
    }


def write_parts(sources: Sequence[Source], folder: Path, prefix: str = "") -> list[Path]:
    """Fingerprint files into Parquet parts, as large as a bundle of archives leaves them."""
    folder.mkdir(exist_ok=True)
    paths: list[Path] = []
    for start in range(0, len(sources), ROWS):
        part = [row(source) for source in sources[start : start + ROWS]]
        paths.append(folder / f"{prefix}{len(paths):05}.arrow")
        write_part(pa.Table.from_pylist(part, FINGERPRINTS), paths[-1])
    return paths
