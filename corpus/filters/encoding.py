"""Decoding: only here bytes become text."""

import re

from corpus.filters.verdict import BYTE_ORDER_MARK, Candidate, Limits
from corpus.reasons import Reason, Reject, Stage

CODING = re.compile(rb"%.*coding\s*[:=]\s*([-a-zA-Z0-9]+)")
"""The encoding of an Erlang file, in a comment on one of its first two lines (see epp(3))."""
CODING_WITHIN = 512
"""Bytes to look for it in, so that a long line costs nothing."""


def not_utf8(candidate: Candidate, limits: Limits) -> Reject | None:
    """Bytes that are no text in an encoding that the language's compiler would read."""
    if candidate.raw.isascii():
        return None
    decoded = decode(candidate.raw, candidate.language)
    return decoded if isinstance(decoded, Reject) else None


def decode(raw: bytes, language: str | None) -> str | Reject:
    """Return the text of a file, or why it has none.

    UTF-8 without its byte order mark; for Erlang also Latin-1, where the file declares it. Line
    ends stay as they are, so that an offset into the text is one into the file (but for a mark,
    and for Latin-1); those who compare or quote code normalise them.
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
    """Return the text that `decode` returns in UTF-8, or why it has none."""
    if raw.isascii():
        return raw
    text = decode(raw, language)
    return text if isinstance(text, Reject) else text.encode()


def declares_latin1(raw: bytes) -> bool:
    """Tell whether an Erlang file says that it is in Latin-1."""
    head = b"\n".join(raw[:CODING_WITHIN].split(b"\n", 2)[:2])
    coding = CODING.search(head)
    return coding is not None and coding[1].lower() in (b"latin-1", b"latin1", b"iso-8859-1")
