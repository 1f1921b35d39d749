"""Redaction: secrets, private keys, e-mail addresses and public IP addresses leave the text."""

from corpus.redaction.addresses import is_global_address, is_reserved_domain
from corpus.redaction.redacting import (
    RULES,
    TAGS,
    RedactionConfig,
    private_spans,
    redact,
    redact_text,
)
from corpus.redaction.secrets import hold_scanner, is_random

__all__ = [
    "RULES",
    "TAGS",
    "RedactionConfig",
    "hold_scanner",
    "is_global_address",
    "is_random",
    "is_reserved_domain",
    "private_spans",
    "redact",
    "redact_text",
]
