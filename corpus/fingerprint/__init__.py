"""Fingerprints for comparing code: token digests, shingles and MinHash signatures."""

from corpus.fingerprint.comments import UnknownLanguage, comment_blocks, comment_spans
from corpus.fingerprint.fingerprinting import (
    Code,
    Fingerprint,
    FingerprintConfig,
    code_only,
    fingerprint,
    fingerprints,
    sketches,
)
from corpus.fingerprint.signature import signature
from corpus.fingerprint.tokens import Hashes, Tokens, runs, shingle, tokenize

__all__ = [
    "Code",
    "Fingerprint",
    "FingerprintConfig",
    "Hashes",
    "Tokens",
    "UnknownLanguage",
    "code_only",
    "comment_blocks",
    "comment_spans",
    "fingerprint",
    "fingerprints",
    "runs",
    "shingle",
    "signature",
    "sketches",
    "tokenize",
]
