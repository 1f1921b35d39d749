"""Fingerprints of files: comments and documentation are removed, then tokens, shingles and minima
are computed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from corpus.fingerprint.comments import Span, comment_blocks
from corpus.fingerprint.signature import Signature, signatures
from corpus.fingerprint.tokens import Hashes, Places, digests_of_runs, shingle, tokenize
from corpus.source import PROSE
from corpus.tables import PERMUTATIONS

_WORDS = bytes(byte if chr(byte).isalnum() or byte > 127 else 32 for byte in range(256)).lower()
"""Every byte of a word in lower case, and a blank for every other one."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, kw_only=True, slots=True)
class FingerprintConfig:
    """Settings of fingerprints (Broder 1997; five tokens as measured in docs/duplicates.md)."""

    shingle: int = 5
    """Tokens in a shingle, at least 1."""
    seed: int = 1
    """Seed of the permutations, from 0; datasketch's default."""

    def __post_init__(self) -> None:
        """Raise ValueError for invalid values."""
        if self.shingle < 1 or self.seed < 0:
            raise ValueError(
                f"shingle is {self.shingle} and seed {self.seed}; a shingle has at least 1 token, "
                "and a seed is not negative"
            )


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The data of a file for deduplication.

    `normalized_id` digests the token sequence, so it is equal for files that differ only in blanks,
    comments or documentation. `tokens` counts that sequence. `shingles` are sorted and unique;
    `signature` has one minimum per permutation. A file without tokens has no shingles, and is a
    duplicate of other such files only. `functions` has one digest per function, of its clauses'
    tokens from the head to the end, sorted and unique. It is equal for functions that differ only
    in blanks, comments or documentation, in any module.
    """

    normalized_id: str
    tokens: int
    shingles: Hashes
    signature: Signature
    functions: Hashes


@dataclass(frozen=True, slots=True)
class Code:
    """A file without comments and documentation (`code_only`), and its functions.

    `functions` gives the bytes of every clause, function by function.
    """

    text: bytes
    functions: Sequence[Sequence[Span]] = ()


def fingerprint(
    text: bytes,
    language: str,
    doc_spans: Sequence[Span],
    config: FingerprintConfig = FingerprintConfig(),
    functions: Sequence[Sequence[Span]] = (),
) -> Fingerprint:
    """Fingerprint the code of `text`, without its comments and the given documentation.

    `functions` gives the bytes of every clause, function by function. Raises UnknownLanguage unless
    `language` is one of `corpus.source.LANGUAGES`.
    """
    return fingerprints([Code(code_only(text, language, doc_spans), functions)], config)[0]


def fingerprints(files: Sequence[Code], config: FingerprintConfig) -> list[Fingerprint]:
    """Fingerprint one or more files together, with the same result as for each alone.

    Together, small files take half the time, and about fifty times the size of their text in
    memory.
    """
    tokens = tokenize(*(file.text for file in files))
    hashes = tokens.hashes()
    shingles, bounds = shingle(hashes, tokens.bounds, config.shingle)
    minima = signatures(shingles, bounds, PERMUTATIONS, config.seed)
    bodies, bounds_of_bodies = digests_of_runs(tokens, hashes, [file.functions for file in files])
    each = zip(
        tokens.digests(),
        np.diff(tokens.bounds).tolist(),
        _pieces(shingles, bounds),
        minima,
        _pieces(bodies, bounds_of_bodies),
        strict=True,
    )
    return [Fingerprint(*columns) for columns in each]


def sketches(texts: Sequence[bytes], config: FingerprintConfig) -> list[Signature | None]:
    """Return the signature of the code of each text; None for a text without tokens.

    Texts are without comments and documentation (`code_only`). This is `fingerprints` without the
    digests of files and functions, in a fifth of the time.
    """
    tokens = tokenize(*texts)
    shingles, bounds = shingle(tokens.hashes(), tokens.bounds, config.shingle)
    minima = signatures(shingles, bounds, PERMUTATIONS, config.seed)
    return [
        row if first < last else None
        for row, (first, last) in zip(minima, pairwise(bounds.tolist()), strict=True)
    ]


def _pieces(values: Hashes, bounds: Places) -> Iterator[Hashes]:
    return (values[start:end] for start, end in pairwise(bounds.tolist()))


def code_only(text: bytes, language: str, doc_spans: Iterable[Span]) -> bytes:
    """Return `text` with comments, doc spans and byte order mark blanked out.

    Of a guide the words are left, in lower case: whoever copies one changes marks, not words.

    The length does not change, so that offsets in `text` are offsets in the result.
    """
    mark = [(0, len(_BYTE_ORDER_MARK))] if text.startswith(_BYTE_ORDER_MARK) else []
    pieces: list[bytes] = []
    position = 0
    for start, end in sorted([*mark, *doc_spans, *comment_blocks(text, language)]):
        if end > position:
            pieces += text[position:start], bytes(end - max(start, position))
            position = end
    code = b"".join([*pieces, text[position:]])
    return code.translate(_WORDS) if language in PROSE else code
