"""The index of origins: the keys of every document, for lookups of files and pieces of code.

A key is 64 bits of a digest. Each document has one of its original bytes (kind `content`: SHA-256,
and `swhid`), one of the tokens of its text without comments (`code`), and some of runs of tokens
(`run`). A dropped duplicate has keys of its bytes (`copy`), which refer to the document that is
kept for it. Code and runs are those of the text in the release, after redaction.

Runs are chosen by winnowing (Schleimer, Wilkerson and Aiken, "Winnowing: local algorithms for
document fingerprinting", SIGMOD 2003): of every `WINDOW` runs of `RUN` tokens that follow each
other the one with the smallest hash. So two texts that share `RUN + WINDOW - 1` tokens in sequence
share a key, and one key stands for about 12 tokens. Lines that are comments do not count. They are
recognised by the line alone, because a piece of code may begin in the middle of a text.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.atomic import replacing
from corpus.fingerprint import Hashes, code_only, runs, tokenize
from corpus.parts import read_part, write_part
from corpus.reasons import Stage
from corpus.selection import of_kept
from corpus.tables import ORIGIN

Places = npt.NDArray[np.int64]

RUN = 16
"""Tokens in a run. Shorter ones are idioms that many packages write."""
WINDOW = 24
"""With `RUN`, 39 tokens in sequence are always found: about five lines."""
SWHID_DIGITS = len("swh:1:cnt:")
COMMENT_LINE = re.compile(rb"^[ \t]*(?:\#(?:[# \t!][^\n]*)?|%(?:[% \t][^\n]*)?)\r?$", re.MULTILINE)
"""A line that is a comment in Elixir or Erlang; `%{` and `#record{` begin code."""


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of tokens of one text: their hashes, and where their tokens begin.

    Run n has the tokens from n to n + `RUN`; `starts` are offsets in the text, one per token.
    """

    hashes: Hashes
    tokens: Hashes
    starts: Places


@dataclass(frozen=True, slots=True)
class OriginTask:
    """A part of documents, the kept ones, and the file for their keys."""

    documents: Path
    kept: Path
    destination: Path


def write_origins(task: OriginTask) -> None:
    """Write the keys of the kept documents of a part; an existing file is not changed."""
    if task.destination.exists():
        return
    names = ["document_id", "content_id", "swhid", "package", "language", "text"]
    documents = of_kept(read_part(task.documents, columns=names), task.kept)
    tables = [_keys_of(**row) for batch in documents.to_batches(256) for row in batch.to_pylist()]
    with replacing(task.destination) as temporary:
        write_part(pa.concat_tables([ORIGIN.empty_table(), *tables]), temporary)


def _keys_of(
    *, content_id: str, swhid: str, package: str, language: str, text: str, **_: str
) -> pa.Table:
    raw = text.encode()
    found = runs_of(raw)
    chosen = winnowed(found.hashes)
    keys, first = np.unique(found.hashes[chosen], return_index=True)
    newlines = np.flatnonzero(np.frombuffer(raw, np.uint8) == ord("\n"))
    lines = 1 + newlines.searchsorted(found.starts[chosen[first]])
    whole = [key_of(content_id), key_of(swhid[SWHID_DIGITS:]), code_key(raw, language)]
    kinds = ["content", "swhid", "code", *["run"] * len(keys)]
    return pa.table(
        {
            "key": np.concatenate([np.array(whole, dtype=np.uint64), keys]),
            "kind": kinds,
            "content": np.full(len(kinds), whole[0], dtype=np.uint64),
            "line": np.concatenate([np.zeros(3, np.int32), lines.astype(np.int32)]),
            "package": [package] * len(kinds),
        },
        schema=ORIGIN,
    )


def write_copies(duplicates: Path, fingerprints: Sequence[Path], destination: Path) -> None:
    """Write the keys of dropped duplicates, which refer to the document that is kept for each.

    Files that were rejected for another reason, such as an opt-out, have no keys. `fingerprints`
    name the documents that are kept. An existing file is left as it is.
    """
    if destination.exists():
        return
    names = ["content_id", "swhid", "stage", "representative_id"]
    dropped = read_part(duplicates, columns=names)
    dropped = dropped.filter(pc.equal(dropped["stage"], Stage.DEDUPLICATE.value))
    rows: list[tuple[int, str, int, int, str]] = []
    wanted = pa.array(sorted(set(dropped["representative_id"].to_pylist())), pa.string())
    kept: dict[str, tuple[str, str]] = {}
    for part in fingerprints:
        found = read_part(part, columns=["document_id", "content_id", "package"])
        for row in found.filter(pc.is_in(found["document_id"], value_set=wanted)).to_pylist():
            kept[row["document_id"]] = row["content_id"], row["package"]
    for row in dropped.to_pylist():
        content_id, package = kept[row["representative_id"]]
        if row["content_id"] == content_id:
            continue
        for digits in (row["content_id"], row["swhid"][SWHID_DIGITS:]):
            rows.append((key_of(digits), "copy", key_of(content_id), 0, package))
    columns = list(zip(*rows, strict=True)) or [()] * len(ORIGIN)
    arrays = [pa.array(each, field.type) for each, field in zip(columns, ORIGIN, strict=True)]
    with replacing(destination) as temporary:
        write_part(pa.table(arrays, schema=ORIGIN), temporary)


def key_of(digits: str) -> int:
    """Return the first 64 bits of a digest in hexadecimal as a number."""
    return int(digits[:16], 16)


def code_key(text: bytes, language: str) -> int:
    """Return the key of the tokens of a text without comments: blanks and lines do not matter."""
    return key_of(tokenize(code_only(text, language, ())).digests()[0])


def runs_of(text: bytes) -> Runs:
    """Return all runs of tokens of a text, without its comment lines."""
    tokens = tokenize(COMMENT_LINE.sub(lambda found: bytes(len(found[0])), text))
    hashes = tokens.hashes()
    return Runs(runs(hashes, RUN), hashes, tokens.starts)


def winnowed(hashes: Hashes) -> Places:
    """Return the positions of the chosen hashes, in order: the smallest of every window."""
    if not len(hashes):
        return np.empty(0, dtype=np.int64)
    if len(hashes) <= WINDOW:
        return np.array([hashes.argmin()])
    windows = np.lib.stride_tricks.sliding_window_view(hashes, WINDOW)
    return np.unique(windows.argmin(axis=1) + np.arange(len(windows)))
