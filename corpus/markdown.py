"""The fenced blocks of Markdown and Livebook, and the versions of a changelog.

Lines are read once, by the rules of CommonMark 0.31.2 (sections 4.5, fenced code blocks; 4.6, HTML
blocks; 5.1 and 5.2, block quotes and list items), which decide what a fence is inside of. Nothing
else of Markdown is read.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

DEEPEST: Final = 50
"""Block quotes and list items inside each other that are followed; CommonMark has no limit."""
WIDEST: Final = 1_000
"""Blanks that are counted before a text: more than all containers can ask for."""
_CANDIDATE: Final = re.compile(rb"`{3}|~{3}")
_FENCE: Final = re.compile(rb"(?:(`{3,})([^`]*)|(~{3,})(.*))\Z", re.DOTALL)
_BULLET: Final = re.compile(rb"(?:[-+*]|[0-9]{1,9}[.)])(?=[ \t]|\Z)")
_BREAK: Final = re.compile(rb"(?:\*[ \t]*){3,}\Z|(?:-[ \t]*){3,}\Z|(?:_[ \t]*){3,}\Z")
_RAW: Final = re.compile(rb"<(script|pre|style|textarea)(?=[\s>]|\Z)", re.IGNORECASE)
_ENDS: Final = ((b"<!--", b"-->"), (b"<?", b"?>"), (b"<![CDATA[", b"]]>"), (b"<!", b">"))
_ELEMENT: Final = re.compile(
    rb"</?(?:address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd"
    rb"|details|dialog|dir|div|dl|dt|fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]"
    rb"|head|header|hr|html|iframe|legend|li|link|main|menu|menuitem|nav|noframes|ol|optgroup"
    rb"|option|p|param|search|section|summary|table|tbody|td|tfoot|th|thead|title|tr|track|ul)"
    rb"(?=[ \t]|/?>|\Z)",
    re.IGNORECASE,
)
"""What begins an HTML block of kind 6, which ends with a blank line."""


class Block(NamedTuple):
    """A fenced block: what stands behind the fence, and its lines and bytes without the fences.

    Lines count from 1, inclusive; bytes are half open. `text` is without the quote signs before
    it, and without the indentation of list items around it.
    """

    info: bytes
    start_line: int
    end_line: int
    start_byte: int
    end_byte: int
    text: bytes


class _Line:
    """What is left of a line while its containers are taken off; columns know of tabs."""

    __slots__ = ("at", "column", "text")

    def __init__(self, text: bytes) -> None:
        self.text, self.at, self.column = text, 0, 0

    def indentation(self) -> int:
        """Return the columns of blanks before the rest."""
        column = self.column
        for byte in self.text[self.at : self.at + WIDEST]:
            if byte == 32:
                column += 1
            elif byte == 9:
                column += 4 - column % 4
            else:
                break
        return column - self.column

    def skip(self, columns: int) -> None:
        """Take off so many columns of blanks; what is left of a tab becomes blanks."""
        until = self.column + columns
        while self.column < until and self.text[self.at : self.at + 1] in (b" ", b"\t"):
            width = 1 if self.text[self.at] == 32 else 4 - self.column % 4
            self.at += 1
            if self.column + width > until:
                left = self.column + width - until
                self.text, self.at, width = b" " * left + self.text[self.at :], 0, width - left
            self.column += width

    def take(self, count: int) -> None:
        """Take off bytes that are no blanks."""
        self.at += count
        self.column += count

    def rest(self) -> bytes:
        """Return the rest without the blanks before it."""
        return self.text[self.at :].lstrip(b" \t")


def blocks(source: bytes) -> Iterator[Block]:
    """Yield the fenced blocks of a text in order."""
    if _CANDIDATE.search(source) is None:
        return
    reader = _Reader()
    at = 0
    for number, raw in enumerate(source.splitlines(True), 1):
        text = raw.rstrip(b"\r\n")
        yield from reader.read(_Line(text), raw[len(text) :], number, at, at + len(raw))
        at += len(raw)
    yield from reader.close()


class _Open(NamedTuple):
    """A fence that is open: its sign, length, indentation, info string, and depth of containers."""

    sign: int
    length: int
    indentation: int
    info: bytes
    depth: int


class _Reader:
    """The containers and the block that are open behind a line.

    A container is 0 for a block quote, or the columns that a list item is indented by.
    """

    __slots__ = ("containers", "end", "fence", "html", "lines", "start")

    def __init__(self) -> None:
        self.containers: list[int] = []
        self.fence: _Open | None = None
        self.html: bytes | None = None
        """What ends the HTML block that is open; empty for a blank line."""
        self.lines: list[bytes] = []
        self.start = (0, 0)
        self.end = (0, 0)

    def close(self) -> Iterator[Block]:
        """End the fence that is open, if there is one."""
        if self.fence is not None and self.lines:
            (first, start), (last, end) = self.start, self.end
            yield Block(self.fence.info, first, last, start, end, b"".join(self.lines))
        self.fence, self.lines = None, []

    def read(self, line: _Line, ending: bytes, number: int, at: int, end: int) -> Iterator[Block]:
        """Read a line; yield the block that it ends."""
        depth = self._matched(line)
        if self.fence is not None:
            if depth >= self.fence.depth:
                if self._closes(line, self.fence):
                    yield from self.close()
                    return
                if not self.lines:
                    self.start = (number, at)
                line.skip(min(line.indentation(), self.fence.indentation))
                self.lines.append(line.text[line.at :] + ending)
                self.end = (number, end)
                return
            yield from self.close()
        is_blank = not line.rest()
        if depth < len(self.containers):
            del self.containers[depth:]
            self.html = None
        if self.html is not None:
            if self._ends_html(line, is_blank):
                self.html = None
            return
        if is_blank:
            return
        self._enter(line)
        indentation, rest = line.indentation(), line.rest()
        if indentation > 3 or not rest:
            return
        if rest[:1] in b"`~" and (found := _FENCE.match(rest)):
            ticks, info, tildes, other = found.groups()
            length = len(ticks or tildes)
            info = info if ticks else other
            self.fence = _Open(rest[0], length, indentation, info.strip(), len(self.containers))
        elif rest[:1] == b"<":
            self._begin_html(rest)

    def _matched(self, line: _Line) -> int:
        """Take the signs of open containers off a line; return how many it has."""
        for depth, width in enumerate(self.containers):
            indentation = line.indentation()
            if width:
                if indentation < width and line.rest():
                    return depth
                line.skip(width)
            elif indentation > 3 or not line.rest().startswith(b">"):
                return depth
            else:
                self._quote(line, indentation)
        return len(self.containers)

    def _quote(self, line: _Line, indentation: int) -> None:
        line.skip(indentation)
        line.take(1)
        line.skip(1)

    def _enter(self, line: _Line) -> None:
        """Open the containers that begin in a line."""
        while len(self.containers) < DEEPEST:
            indentation, rest = line.indentation(), line.rest()
            if indentation > 3:
                return
            if rest.startswith(b">"):
                self._quote(line, indentation)
                self.containers.append(0)
            elif (bullet := _BULLET.match(rest)) and not _BREAK.match(rest):
                line.skip(indentation)
                line.take(bullet.end())
                behind = line.indentation()
                blanks = behind if 1 <= behind <= 4 and line.rest() else 1
                line.skip(blanks)
                self.containers.append(indentation + bullet.end() + blanks)
            else:
                return

    def _closes(self, line: _Line, fence: _Open) -> bool:
        rest = line.rest().rstrip(b" \t")
        return (
            line.indentation() <= 3
            and len(rest) >= fence.length
            and not rest.strip(bytes((fence.sign,)))
        )

    def _begin_html(self, rest: bytes) -> None:
        """Open the HTML block that a line begins, unless it ends in the line."""
        if found := _RAW.match(rest):
            self.html = b"</" + found[1].lower()
            if self.html in rest.lower():
                self.html = None
            return
        for opening, ending in _ENDS:
            if rest.startswith(opening):
                self.html = None if ending in rest[len(opening) :] else ending
                return
        if _ELEMENT.match(rest):
            self.html = b""

    def _ends_html(self, line: _Line, is_blank: bool) -> bool:
        if not self.html:
            return is_blank
        return self.html in line.text[line.at :].lower()


# Changelogs -------------------------------------------------------------------------------------

CHANGELOG: Final = re.compile(
    r"(?:^|/)(?:change_?logs?|changes|history|news|release[-_]?notes?)(?:[-_.][^/]*)?$",
    re.IGNORECASE,
)
"""The path of a changelog, with any suffix."""
_HEADING: Final = re.compile(rb"[ ]{0,3}(#{1,6})[ \t]+([^\n]*?)[ \t#]*\r?$")
_UNDERLINE: Final = re.compile(rb"[ ]{0,3}(=+|-+)[ \t]*\r?$")
_VERSION: Final = re.compile(
    rb"(?<![\w.])v?(\d{1,9}\.\d{1,9}(?:\.\d{1,9}){0,2}(?:-[0-9A-Za-z][0-9A-Za-z.-]{0,40})?"
    rb"(?:\+[0-9A-Za-z.-]{1,40})?)(?![\w.]*\d)"
)
_DATE: Final = re.compile(rb"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")


class Change(NamedTuple):
    """What a changelog says of one version; the date is YYYY-MM-DD, None if it names none."""

    version: str
    date: str | None
    text: str


def changes(source: bytes) -> tuple[Change, ...]:
    """Return the versions of a changelog in its order, each with the text below its heading.

    A heading is a version if it has a number such as 1.2 or 1.2.3 (and is no sentence of more than
    twelve words); its text ends at the next version or at a heading above it. Headings in code
    blocks are text.
    """
    fenced = [(block.start_line, block.end_line) for block in blocks(source)]
    lines = source.split(b"\n")
    found = list[Change]()
    opened: tuple[int, bytes, bytes | None, int] | None = None

    def close(end: int) -> None:
        if opened is not None:
            text = b"\n".join(lines[opened[0] : end]).decode("utf-8", "replace")
            date = None if opened[2] is None else opened[2].decode()
            found.append(Change(opened[1].decode(), date, text.replace("\r", "").strip()))

    for first, behind, level, title in _headings(lines, fenced):
        version = None if len(title.split()) > 12 else _VERSION.search(_DATE.sub(b" ", title))
        if version is not None:
            close(first)
            day = _DATE.search(title)
            date = None if day is None else b"%b-%02d-%02d" % (day[1], int(day[2]), int(day[3]))
            opened = behind, version[1], date, level
        elif opened is not None and level <= opened[3]:
            close(first)
            opened = None
    close(len(lines))
    return tuple(found)


def _headings(
    lines: list[bytes], fenced: list[tuple[int, int]]
) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield each heading: its line from 0, the line behind it, its level, and its text."""
    inside = {n for first, last in fenced for n in range(first - 1, last)}
    for number, line in enumerate(lines):
        if number in inside:
            continue
        if found := _HEADING.match(line):
            yield number, number + 1, len(found[1]), found[2]
        elif number and line.strip() and (under := _UNDERLINE.match(line)):
            above = lines[number - 1]
            if above.strip() and number - 1 not in inside and not _HEADING.match(above):
                yield number - 1, number + 1, 1 if under[1][:1] == b"=" else 2, above.strip()
