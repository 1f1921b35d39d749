"""Reading one file of an archive: filters, decoding, one parse with extraction, and fingerprint."""

import hashlib
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from corpus import elixir, erlang, gleam, guides
from corpus.bounds import check_fractions
from corpus.extraction import Clause, Extraction
from corpus.filters import (
    Limits,
    Redaction,
    control_tokens,
    data_tags,
    hidden_characters,
    judge,
    mostly_data,
    recode,
)
from corpus.fingerprint import Code, Fingerprint, FingerprintConfig, code_only, fingerprints
from corpus.identifiers import swhid
from corpus.licenses import is_license_file
from corpus.parsing import NestedTooDeeply, Unparsable
from corpus.reasons import Reason, Reject, RejectedFile, Stage
from corpus.redaction import RedactionConfig, redact
from corpus.source import LANGUAGES, MOST_ARGUMENTS, PROSE, ROLES, language_of, role_of
from corpus.sources import Member

EXTRACTORS: dict[str, Callable[[bytes], Extraction]] = {
    "elixir": elixir.extract,
    "erlang": erlang.extract,
    "heex": elixir.extract_heex,
    "eex": elixir.extract_eex,
    "gleam": gleam.extract,
    "markdown": guides.extract,
    "livemd": guides.extract,
}
COMMENT_LINE = {"elixir": re.compile(rb"\n[ \t]*#"), "erlang": re.compile(rb"\n[ \t]*%")}
"""Searched in the text after a newline: a literal first byte is found twice as fast."""
CLAUSE_BYTES = itemgetter(*map(Clause._fields.index, ("start_byte", "end_byte")))


@dataclass(frozen=True, kw_only=True, slots=True)
class FileConfig:
    """The limits for one file."""

    filters: Limits = field(default_factory=Limits)
    redaction: RedactionConfig = field(default_factory=RedactionConfig)
    fingerprint: FingerprintConfig = field(default_factory=FingerprintConfig)
    leave_out: tuple[str, ...] = ()
    """Languages and roles that a build leaves out, such as "guide", "template" or "gleam"."""
    unparsable_share: float = 0.2
    """From this share of unreadable bytes on, a text is another language or prose. Of 4,089 Elixir
    files of thirteen repositories one has an error (a template); of 425 Markdown files beside them
    411 are above 0.2, and of 1,372 Erlang files, read as Elixir, 1,370. It is a share, so that a
    file is not rejected for a few unreadable lines.
    """

    def __post_init__(self) -> None:
        """Raise ValueError for an invalid share, and for what is neither language nor role."""
        check_fractions(self, "unparsable_share")
        known = (*ROLES, *sorted(set(LANGUAGES.values())))
        if unknown := [each for each in self.leave_out if each not in known]:
            raise ValueError(
                f"leave_out has {unknown[0]!r}, which is no language and no role; known are "
                f"{', '.join(known)}"
            )


class SourceText(NamedTuple):
    """A file that passed the filters, as text; `original_bytes` is the size of the original file.

    `lf_id` is the digest of its original bytes with LF in place of CRLF. `lines` and
    `comment_lines` are numbers of lines.
    """

    path: str
    content_id: str
    lf_id: str
    swhid: str
    original_bytes: int
    language: str
    role: str
    text: bytes
    redactions: tuple[Redaction, ...]
    lines: int
    comment_lines: int
    median_line_length: float
    longest_line: int
    hidden_characters: int
    control_tokens: int


class Parsed(NamedTuple):
    """A file that became a document."""

    source: SourceText
    extraction: Extraction


def read_text(member: Member, config: FileConfig) -> SourceText | RejectedFile:
    """Convert the bytes of a file to text, or return the reject."""
    try:
        return _read_text(member, config)
    except MemoryError:
        raise
    except Exception as error:  # A bug in this project must not affect the archive's other files.
        return rejected(member, _mistake(error))


def rejected(member: Member, reject: Reject) -> RejectedFile:
    """Return the reject of a file that was unpacked."""
    content_id = hashlib.sha256(member.data).hexdigest()
    size, own = len(member.data), swhid(member.data)
    return RejectedFile(member.path, size, content_id, reject, own)


def _read_text(member: Member, config: FileConfig) -> SourceText | RejectedFile:
    decoded = _decode(member, config)
    if isinstance(decoded, Reject):
        return rejected(member, decoded)
    return describe(member, *decoded)


def describe(
    member: Member, language: str, text: bytes, redactions: tuple[Redaction, ...]
) -> SourceText:
    """Return a file that passed the filters, with the data that needs no parse."""
    lengths = _lengths_of(text)
    middle = len(lengths) // 2
    comments = COMMENT_LINE.get(language)
    content_id = hashlib.sha256(member.data).hexdigest()
    has_crlf = b"\r\n" in member.data
    unix = member.data.replace(b"\r\n", b"\n") if has_crlf else b""
    return SourceText(
        path=member.path,
        content_id=content_id,
        lf_id=hashlib.sha256(unix).hexdigest() if has_crlf else content_id,
        swhid=swhid(member.data),
        original_bytes=len(member.data),
        language=language,
        role=role_of(member.path, language),
        text=text,
        redactions=redactions,
        lines=len(lengths),
        comment_lines=len(comments.findall(b"\n" + text)) if comments else 0,
        median_line_length=(int(lengths[middle]) + int(lengths[~middle])) / 2,
        longest_line=int(lengths[-1]),
        hidden_characters=0 if text.isascii() else hidden_characters(text.decode()),
        control_tokens=control_tokens(text),
    )


def parse_text(source: SourceText, config: FileConfig) -> Parsed | RejectedFile:
    """Make a document from a text; reject it if the parser cannot finish or reads too little."""
    try:
        extraction = _extracted(source)
    except NestedTooDeeply as error:
        return _unparsed(source, Reason.NESTED_TOO_DEEPLY, str(error))
    except Unparsable as error:
        return _unparsed(source, Reason.UNPARSABLE, str(error))
    except MemoryError:
        raise
    except Exception as error:
        return _rejected(source, _mistake(error))
    unread, size = extraction.unread_bytes, len(source.text)
    if unread > config.unparsable_share * size:
        return _unparsed(source, Reason.UNPARSABLE, f"{unread} of {size} bytes cannot be read")
    arity = max((function.arity for function in extraction.functions), default=0)
    if arity > MOST_ARGUMENTS:
        detail = f"a function of {arity} arguments, the limit is {MOST_ARGUMENTS}"
        return _unparsed(source, Reason.UNPARSABLE, detail)
    return Parsed(source, extraction)


def _extracted(source: SourceText) -> Extraction:
    """Extract from a text; a module of Gleam is named by its path."""
    if source.language == "gleam":
        return gleam.extract(source.text, source.path)
    return EXTRACTORS[source.language](source.text)


def _unparsed(source: SourceText, reason: Reason, detail: str) -> RejectedFile:
    return _rejected(source, Reject(Stage.PARSE, reason, detail))


def _rejected(source: SourceText, reject: Reject) -> RejectedFile:
    size = source.original_bytes
    return RejectedFile(source.path, size, source.content_id, reject, source.swhid)


def code_of(file: Parsed) -> Code | RejectedFile:
    """Return the input of a fingerprint, or a reject if that fails."""
    source, found = file.source, file.extraction
    try:
        clauses = [list(map(CLAUSE_BYTES, function.clauses)) for function in found.functions]
        return Code(code_only(source.text, source.language, found.doc_spans), clauses)
    except MemoryError:
        raise
    except Exception as error:
        return _rejected(source, _mistake(error))


def fingerprinted(
    files: Sequence[tuple[Parsed, Code]], config: FileConfig
) -> list[Fingerprint | RejectedFile]:
    """Return the fingerprints of documents, with a reject for one that fails."""
    try:
        return [*fingerprints([code for _, code in files], config.fingerprint)]
    except MemoryError:
        raise
    except Exception as error:
        if len(files) > 1:
            return [found for file in files for found in fingerprinted([file], config)]
        return [_rejected(files[0][0].source, _mistake(error))]


def _mistake(error: Exception) -> Reject:
    detail = f"a fault of this program, please report it with this file: {error!r}"
    return Reject(Stage.PARSE, Reason.EXTRACTION_FAILED, detail)


def _decode(
    member: Member, config: FileConfig
) -> tuple[str, bytes, tuple[Redaction, ...]] | Reject:
    """Return language, text in UTF-8 and the removed spans, or the reject."""
    if config.leave_out and (refused := _left_out(member.path, config.leave_out)) is not None:
        return refused
    refused = judge(member.path, member.data, config.filters)
    if refused is not None:
        return refused
    language = language_of(member.path)
    assert language is not None, "the filters let only known languages through"
    if language in PROSE and is_license_file(member.path):
        return Reject(Stage.FILTER, Reason.NOT_SOURCE_CODE, "the text of a licence")
    data = data_tags(member.data, config.filters)
    cut, redactions = redact(member.data, language, config.redaction, data, member.path)
    if redactions and (mostly := mostly_data(member.data, redactions, config.filters)):
        return mostly
    text = recode(cut, language)
    return text if isinstance(text, Reject) else (language, text, redactions)


def _left_out(path: str, what: Collection[str]) -> Reject | None:
    """Return the reject of a file whose language or role the configuration leaves out."""
    language = language_of(path)
    if language is None:
        return None
    for each in (language, role_of(path, language)):
        if each in what:
            return Reject(Stage.FILTER, Reason.LEFT_OUT, f"{each}, by the configuration")
    return None


def _lengths_of(text: bytes) -> np.ndarray:
    """Return the sorted lengths of all lines in bytes, without their newlines."""
    newlines = (np.frombuffer(text, np.uint8) == ord("\n")).nonzero()[0]
    is_open = not text.endswith(b"\n")
    edges = np.empty(1 + len(newlines) + is_open, np.int64)
    edges[0], edges[-1] = -1, len(text)
    edges[1 : len(newlines) + 1] = newlines
    lengths: np.ndarray = edges[1:] - edges[:-1]
    lengths -= 1
    lengths.sort()
    return lengths
