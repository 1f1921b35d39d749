"""What makes two files the same code: token digests, shingles and MinHash signatures."""

from corpus.fingerprint.comments import UnknownLanguage, comment_spans
from corpus.fingerprint.fingerprinting import Fingerprint, FingerprintConfig, fingerprint
from corpus.fingerprint.signature import signature
from corpus.fingerprint.tokens import Tokens, tokenize

__all__ = [
    "Fingerprint",
    "FingerprintConfig",
    "Tokens",
    "UnknownLanguage",
    "comment_spans",
    "fingerprint",
    "signature",
    "tokenize",
]
