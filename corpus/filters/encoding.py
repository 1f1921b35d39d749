"""Decoding: the only place where bytes become text."""

import re

from corpus.filters.verdict import BYTE_ORDER_MARK, Candidate, Limits
from corpus.reasons import Reason, Reject, Stage

CODING = re.compile(rb"%.*coding\s*[:=]\s*([-a-zA-Z0-9]+)")
"""The encoding of an Erlang file, in a comment on one of its first two lines (see epp(3))."""
CODING_WITHIN = 512
"""Number of bytes in which it is searched, so that a long line takes no time."""


def not_utf8(candidate: Candidate, limits: Limits) -> Reject | None:
    """Bytes that are not text in an encoding that the language's compiler accepts."""
    if candidate.raw.isascii():
        return None
    decoded = decode(candidate.raw, candidate.language)
    return decoded if isinstance(decoded, Reject) else None


def decode(raw: bytes, language: str | None) -> str | Reject:
    """Return the text of a file, or why it cannot be decoded.

    The encoding is UTF-8, without a byte order mark; for Erlang also Latin-1, if the file declares
    it. Line ends are not changed, so that an offset into the text is an offset into the file
    (except with a mark or Latin-1). Code that compares or quotes text normalises them.
    """
    if language == "erlang" and declares_latin1(raw):
        return raw.decode("latin-1")
    body = raw.removeprefix(BYTE_ORDER_MARK)
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        position = len(raw) - len(body) + error.start
        return Reject(Stage.FILTER, Reason.NOT_UTF8, f"byte {raw[position]:#04x} at {position}")


def recode(raw: bytes, language: str | None) -> bytes | Reject:
    """Return the result of `decode` in UTF-8, or why there is none."""
    if raw.isascii():
        return raw
    text = decode(raw, language)
    return text if isinstance(text, Reject) else text.encode()


def declares_latin1(raw: bytes) -> bool:
    """Return whether an Erlang file declares Latin-1."""
    head = b"\n".join(raw[:CODING_WITHIN].split(b"\n", 2)[:2])
    coding = CODING.search(head)
    return coding is not None and coding[1].lower() in (b"latin-1", b"latin1", b"iso-8859-1")
