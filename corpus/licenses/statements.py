"""Statements of a source file about its own licence: SPDX tags, and notices in its head.

The head is the first `HEAD` bytes. Comment lines of it count, and the text of a documentation
heredoc after at most `CODE_BEFORE` lines of code; strings and examples in the code do not. Tags
count in the comments of the whole file, because a tag is never prose.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from corpus.fingerprint.comments import comment_spans
from corpus.licenses.declarations import NOBODY, licensing, read_tag
from corpus.licenses.notices import EXCERPT, Notice, Standing, read_notice
from corpus.screen import Screen
from corpus.source import PROSE
from corpus.untrusted import quoted

HEAD = 8_192
"""Bytes of the head; the longest one in 17 well-known projects has 4 KB."""
CODE_BEFORE = 3
"""Comments after at most so many lines of code (module, exports) are about the whole file."""

WORDS = (
    *(b"licen", b"copyright", b"spdx", b"gpl", b"confiden", b"proprietary", b"vertraulich"),
    *(b"public domain", b"rights reserved", b"prohib", b"commercial", b"redistribut"),
    *(b"t distribut", b"for distribution", b"internal use", b"same terms"),
)
SPEAKING = Screen({"word": b"(?i)(?:%b)" % b"|".join(WORDS)})
"""A comment without one of these words, in any case, has no statement."""

TAG = re.compile(
    r"SPDX[- ]Licen[cs]e[- ]Identifiers?[\"']?[ \t]*[:=]?[ \t]*(?P<value>[^\n]*)", re.IGNORECASE
)
TEXT_WORDS = (*WORDS, b"as is", b"warrant", b"liab", b"permi")
"""Also words in paragraphs of licence texts that mention neither licence nor copyright."""
BYTE_ORDER_MARK = "\ufeff".encode()
TAG_BYTES = b"SPDX-License-Identifier"
IGNORED = re.compile(r"REUSE-IgnoreStart.*?(?:REUSE-IgnoreEnd|\Z)", re.DOTALL)
"""REUSE specification 3.3, "Ignoring": text between these is not a tag."""
PARAGRAPH = re.compile(r"\n(?:[ \t]*\n)+")
CLOSING = ("--%>", "%>", "-->", "*/")
MARGIN = " \t\r\"'`#%|,;*"
MARKS = re.compile(r"[ \t]*(?:<%!--|<%#|<!--|[#%*|;/]|-(?=[- ]))[#%*|/=-]*[ \t]?")
BOX = " \t\r#%*|=-"
"""Signs of comments and of the boxes around them, at both ends of a line."""
SIGNS = {
    "elixir": (b"#",),
    "erlang": (b"%",),
    "eex": (b"#", b"%", b"<"),
    "heex": (b"<",),
    "gleam": (b"//",),
    **dict.fromkeys(sorted(PROSE), (b"<",)),
}
HEREDOC = re.compile(
    rb'(?:^[ \t]*[@-]moduledoc[ \t(]+|\A\s*)(?:~[sS])?"""[ \t]*\r?\n'
    rb'(?P<text>[^\n]*(?:\n(?![ \t]*""")[^\n]*)*)(?:\n[ \t]*"""|\Z)',
    re.MULTILINE,
)
SECTION = re.compile(r"#+\s.*\b(?:licen[cs]\w*|copyright)\b", re.IGNORECASE)
ATTRIBUTE = re.compile(
    rb'^(?:[ \t]*[@-]moduledoc|-(?P<name>licen[cs]e|copyright))[ \t({]+(?:<<)?"(?P<text>[^"\n]*)"',
    re.MULTILINE,
)
"""Documentation of one line, and attributes of Erlang modules for licences."""
OF_LICENSE = re.compile(rb"\n-(?:licen|copyright)")
BEHIND_SIGN = {"elixir": re.compile(rb"#[^\n]*"), "erlang": re.compile(rb"%[^\n]*")}
"""Matches all comments, and more, in a third of the time of a search for comment lines."""
COMMENT_LINE = {
    "elixir": re.compile(rb"\n[^\n!-~]*#[^\n]*"),
    "erlang": re.compile(rb"\n[^\n!-~]*%[^\n]*"),
}
"""A comment with only blanks before it."""
PLAIN_COMMENTS = re.compile(rb"(?:[ \t]*[#%][^\n]*\n|[ \t\r]*\n)+")
"""In a template for code: comments of its output."""
NO_STATEMENT = frozenset({"NOASSERTION", ""})
PLACEHOLDER = re.compile(r"<%|[#$]\{|\{\{")
"""In a template: a tag in its output."""


@dataclass(frozen=True, slots=True)
class Said:
    """The statements of a file: its tags, and the notices at its top and further down."""

    tags: Notice | None
    notices: tuple[Notice, ...]
    parts: tuple[Notice, ...]
    """Notices after more code: they are about the code that follows."""


SILENT = Said(None, (), ())


def read_file(data: bytes, language: str) -> Said:
    """Return the statements of a file about its licence; of a guide, those in its comments."""
    data = data.removeprefix(BYTE_ORDER_MARK)
    head = data[:HEAD]
    has_tag = TAG_BYTES in data
    if not has_tag and not speaks(head):
        return SILENT
    top_end = found.end() if (found := PLAIN_COMMENTS.match(head)) else 0
    if not may_speak(head[top_end:], language):
        if not has_tag and not speaks(head[:top_end]):
            return SILENT
        head = head[:top_end] or head  # almost all statements are there
    top, below, prose = read_head(head, language)
    tagged = [text for text, _ in (*top, *below)]
    if data.find(TAG_BYTES, HEAD - len(TAG_BYTES)) >= 0:
        tagged = [unmarked(b) for b, _ in comment_blocks(data, language) if TAG_BYTES in b]
    elif has_tag and not any(TAG_BYTES.decode() in text for text in tagged):
        tagged += [unmarked(each) for each in behind_code(data, language) if TAG_BYTES in each]
    tagged += [text for text, _ in prose]
    return Said(
        tags=read_tags("\n".join(tagged)),
        notices=tuple(notice for _, notice in (*top, *prose) if notice),
        parts=tuple(notice for _, notice in below if notice),
    )


Texts = tuple[tuple[str, Notice | None], ...]
"""Texts about licences, each with its notice, which does not include tags."""


@lru_cache(maxsize=512)
def read_head(head: bytes, language: str) -> tuple[Texts, Texts, Texts]:
    """Return the notices of a head in comments at its top and further down, and in documentation.

    Results are cached, because heads of a package are mostly equal: of 1,232 in 77 archives 303
    differ.
    """
    top, below = list[tuple[str, Notice | None]](), list[tuple[str, Notice | None]]()
    for block, code in comment_blocks(head, language):
        if speaks(block):
            text = unmarked(block)
            place = top if code <= CODE_BEFORE else below
            place.append((text, notice_of(text, alone=code <= 1)))
    prose = documentation(head) if language in ("elixir", "erlang") else None
    return tuple(top), tuple(below), ((prose, notice_of(prose)),) if prose else ()


def speaks(text: bytes) -> bool:
    """Return whether a text has a word that every statement about licences has."""
    return bool(SPEAKING(text))


def may_speak(text: bytes, language: str) -> bool:
    """Return whether such a word is in a comment line or in documentation.

    Most of a head is code, which may have the same words (`Keyword.pop!(opts, :license)`). A text
    that begins inside a comment, or is a template, is searched as a whole.
    """
    pattern = COMMENT_LINE.get(language)
    if pattern is None or text.lstrip().startswith(SIGNS[language]):
        return speaks(text)
    padded = b"\n" + text
    behind = BEHIND_SIGN[language].findall(text)
    if behind and speaks(b"".join(behind)) and speaks(b"".join(pattern.findall(padded))):
        return True
    starts = lines_with(text, b"moduledoc")
    found = heredoc(text, starts), attribute(padded, starts)
    return any(speaks(each[0]) for each in found if each)


def heredoc(head: bytes, starts: list[int]) -> re.Match[bytes] | None:
    """Return the first heredoc that documents a module (at `starts`) or begins the file."""
    if found := HEREDOC.match(head):
        return found
    return next((found for start in starts if (found := HEREDOC.match(head, start))), None)


def attribute(head: bytes, documented: list[int]) -> re.Match[bytes] | None:
    """Return the first attribute with a text about licences; modules are `documented`."""
    if not documented and not OF_LICENSE.search(head):
        return None
    starts = lines_with(head, b"moduledoc", b"-licen", b"-copyright")
    return next((found for start in starts if (found := ATTRIBUTE.match(head, start))), None)


def lines_with(text: bytes, *words: bytes) -> list[int]:
    """Return the offsets of the lines with one of some words."""
    starts = set()
    for word in words:
        at = text.find(word)
        while at >= 0:
            starts.add(text.rfind(b"\n", 0, at) + 1)
            newline = text.find(b"\n", at)
            at = text.find(word, newline) if newline >= 0 else -1
    return sorted(starts)


def read_text(data: bytes) -> Said:
    """Return the statements of a `.license` file (REUSE specification) about the file beside it."""
    text = decoded(data[:HEAD])
    notice = notice_of(text)
    return Said(read_tags(text), (notice,) if notice else (), ())


def notice_of(text: str, *, alone: bool = True) -> Notice | None:
    """Read a comment without tags, from the first paragraph about licences to the last.

    These paragraphs are mostly equal within a project, the rest of the comment is not, so only they
    are the key of the cache.
    """
    text = TAG.sub("", text) if "spdx" in text.lower() else text
    paragraphs = PARAGRAPH.split(text)
    lower = [each.lower().encode(errors="replace") for each in paragraphs]
    speaking = [n for n, each in enumerate(lower) if any(map(each.__contains__, TEXT_WORDS))]
    if not speaking:
        return None
    return read_notice("\n\n".join(paragraphs[speaking[0] : speaking[-1] + 1]), alone=alone)


def comment_blocks(text: bytes, language: str) -> Iterator[tuple[bytes, int]]:
    """Yield comments separated by blanks only, and the number of lines of code before each.

    Lines of code are counted up to `CODE_BEFORE` and one.
    """
    signs = SIGNS[language]
    block: list[bytes] = []
    code = end = 0
    for start, stop in spans(text, language):
        if not text.startswith(signs, start):
            continue
        between = text[end:start]
        if between.rpartition(b"\n")[2].strip():
            continue
        if between.strip():
            if block:
                yield b"\n".join(block), code
                block = []
            if code <= CODE_BEFORE:
                code += sum(1 for line in between[:HEAD].splitlines() if line.strip())
        block.append(text[start:stop])
        end = stop
    if block:
        yield b"\n".join(block), code


def spans(text: bytes, language: str) -> Iterator[tuple[int, int]]:
    """Yield the comments of a file; for templates also those of their output."""
    if language == "eex" and (found := PLAIN_COMMENTS.match(text)):
        yield found.span()
    yield from comment_spans(text, language)


def behind_code(text: bytes, language: str) -> Iterator[bytes]:
    """Yield the comments after code in the same line."""
    for start, stop in spans(text, language):
        if text[text.rfind(b"\n", 0, start) + 1 : start].strip():
            yield text[start:stop]


def unmarked(block: bytes) -> str:
    """Return comments as plain text, line by line, without comment signs."""
    lines = IGNORED.sub("", decoded(block)).split("\n")
    return "\n".join(unsigned(line).rstrip(BOX) for line in lines)


def unsigned(line: str) -> str:
    """Return a line without the signs before it."""
    found = MARKS.match(line)
    return line[found.end() :] if found else line


def documentation(head: bytes) -> str | None:
    """Return the first documentation at the top, without the code blocks of its Markdown."""
    starts = lines_with(head, b"moduledoc")
    found = heredoc(head, starts) or attribute(head, starts)
    if found is None or not speaks(found[0]):
        return None
    before = [line.strip() for line in head[: found.start()].splitlines()]
    if sum(1 for line in before if line and not line.startswith((b"#", b"%"))) > CODE_BEFORE:
        return None
    if found.re is ATTRIBUTE:
        field = "License: " if (found["name"] or b"").startswith(b"licen") else ""
        return field + decoded(found["text"])
    lines = decoded(found["text"]).expandtabs().splitlines()
    indents = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    margin = min(indents, default=0)
    return IGNORED.sub("", "\n".join(without_examples(line[margin:] for line in lines)))


def without_examples(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines of Markdown without code blocks, except code blocks below "License"."""
    of_license = fenced = False
    for line in lines:
        if line.startswith("```"):
            fenced = not fenced
        elif of_license or not (fenced or line.startswith("    ")):
            yield line
        if not fenced and line.startswith("#"):
            of_license = SECTION.match(line) is not None


@lru_cache(maxsize=4096)
def read_tags(text: str) -> Notice | None:
    """Return the AND of all SPDX tags of a text."""
    if "spdx" not in text.lower():
        return None
    expressions: dict[str, None] = {}
    for found in TAG.finditer(text):
        line = text.rfind("\n", 0, found.start()) + 1
        at_start = not text[line : found.start()].strip(" \t#%*|;/<!-")
        value = unclosed(found["value"])
        if PLACEHOLDER.search(value):
            continue
        read = None if value in NO_STATEMENT else read_tag(value)
        if read is not None:
            expressions[read] = None
        elif at_start and value != "NOASSERTION":
            standing = Standing.PROPRIETARY if value in NOBODY else Standing.UNKNOWN
            return Notice(standing, None, quoted(found.group(), EXCERPT))
    if not expressions:
        return None
    joined = licensing().parse(" AND ".join(f"({each})" for each in expressions))
    words = quoted(f"SPDX-License-Identifier: {joined}", EXCERPT)
    return Notice(Standing.LICENSED, str(joined), words)


def unclosed(value: str) -> str:
    """Return the value of a tag without the end of its comment."""
    value = value.rstrip(MARGIN)
    for sign in CLOSING:
        value = value.removesuffix(sign)
    return value.strip(MARGIN)


def decoded(text: bytes) -> str:
    """Return a text as UTF-8, or as latin-1 if it is not valid UTF-8."""
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError:
        return text.decode("latin-1")
