"""Repair of Elixir that the grammar cannot read: only the unreadable construct is left out.

It runs only after a parse with errors, in two steps that keep all offsets:

1. Letters outside of ASCII become ASCII letters of the same length, and the file is parsed again,
   because tree-sitter-elixir 0.3.5 accepts no name that begins with 半 or 한 or has a combining
   mark. Names and texts are read from the original source, so nothing is lost.
2. The remaining errors are found by layout. A run of lines is divided at its smallest indentation,
   and each piece is parsed alone. A bad piece with a block is divided further and keeps its head
   and its `end`; a bad piece without a block is removed, except for the head of a function. If the
   code is not indented as usual, the first tree is kept.

An unclosed string ends with its line; so does one whose end is after a line that defines something.
The grammar accepts superfluous `end`s and an odd number of triple quotes, so these are searched.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tree_sitter import Node

from corpus.elixir import grammar
from corpus.parsing import count_errors, parse, refuse_deep_brackets, unread_bytes

_OTHER_LETTERS: Final = re.compile(rb"\?[\x80-\xff]+|[\x80-\xff]+")
_MATHEMATICAL: Final = frozenset("∂∇∞²³¹" + "".join(map(chr, range(0x2070, 0x208F))))
"""In identifiers too (Unicode Technical Standard 55, as Elixir's "Unicode syntax" adopts it)."""

_OPENING: Final = re.compile(
    rb"""
      (?P<comment>\#[^\n]*)
    | (?P<character>(?<![\w\x80-\xff])\?(?:\\.|[^\\]))
    | (?P<heredoc>\"\"\"|\'\'\')(?=[ \t]*\r?\n)
    | ~[A-Za-z][A-Z0-9]*(?P<sigil>[(\[{<|/])
    | (?P<quote>["'])
    """,
    re.VERBOSE | re.DOTALL,
)
"""Beginnings of lines that are not code."""
_NEXT_FORM: Final = rb"[ \t]*(?:def[a-z]*[ (]|@[a-z])"
_CLOSING: Final = dict(zip(rb"""([{<|/"'""", rb""")]}>|/"'""", strict=True))
_INSIDE: Final = {
    closing: re.compile(
        rb"(?:[^\\\n\x%02x]+|\\.|\n(?!%b))*" % (closing, _NEXT_FORM),
        re.DOTALL,
    )
    for closing in _CLOSING.values()
}
"""The inside of a string by its closing byte; a line with a definition is never inside."""
_HEREDOC_ENDS: Final = {
    quotes: re.compile(rb"\n[ \t]*%b|(?<![\\])%b[ \t]*\r?(?=\n)" % (quotes, quotes))
    for quotes in (b'"""', b"'''")
}
"""The end of a heredoc, or of a line that opens another one, in which case the first is unclosed.
"""
_UNREADABLE: Final = 1
"""A byte that is invalid everywhere in the grammar, for the first byte of an unclosed string."""
_NOT_NEWLINE: Final = re.compile(rb"[^\n]")
_WRITTEN: Final = re.compile(rb"\S[^\n]*")
_GOES_ON: Final = re.compile(
    rb"(?:end|else|rescue|catch|after|do|and|or|in|when|not in)\b|[)\]}|&<>=+*/.:,]|--|->"
)
"""Beginnings of lines that belong to the previous statement."""
_SECTION: Final = re.compile(rb"(?:else|rescue|catch|after)\b")
_END: Final = re.compile(rb"end\b")
_DO: Final = re.compile(rb"\bdo[ \t\r]*$")
_SHORT_BODY: Final = re.compile(rb",\s*do:")
_FUNCTION: Final = re.compile(rb"def(?:p|macrop?)?[ (]")
_OPENS_FORM: Final = re.compile(rb"def[a-z]*[ (]|@[ a-z]")
_DIVIDED: Final = re.compile(rb"def(?:module|impl|protocol)\b")

PARSED_AGAIN: Final = 8
"""How often each byte may be parsed again on average."""
DEEPEST: Final = 50
"""Depth of nested blocks that are divided; real code has about six."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The tree of a source, and the number of places and bytes that could not be read."""

    root: Node
    parse_errors: int
    unread_bytes: int


def read(source: bytes) -> Reading:
    """Parse Elixir, and repair code that the grammar cannot read; offsets are those of the source.

    Take the text of a node from the source. Raises Unparsable.
    """
    root = parse(grammar.PARSER, source).root_node
    if _is_whole(root, source):
        return Reading(root, 0, 0)
    plain = with_stand_ins(source)
    if plain != source:
        root = parse(grammar.PARSER, plain).root_node
    if _is_whole(root, plain):
        return Reading(root, 0, 0)
    first = Reading(root, count_errors(root), unread_bytes(root, source))
    mender = _Mender(plain)
    mender.mend(0, len(mender.lines), 0)
    mended = bytes(mender.text)
    again = parse(grammar.PARSER, mended).root_node
    lost = sum(end - start for start, end in mender.blanks)
    if not _is_sound(again, mended) or not lost or 2 * lost > len(source):
        return first
    if _is_sound(root, plain) and _definitions(again, mended) <= _definitions(root, plain):
        return first  # no code was taken for text: all strings are closed
    return Reading(again, len(mender.blanks), lost)


def parses(source: bytes) -> bool:
    """Return whether the grammar reads all of a text. Raises NestedTooDeeply and Unparsable."""
    refuse_deep_brackets(source)
    return _is_sound(parse(grammar.PARSER, source).root_node, source)


def _is_whole(root: Node, source: bytes) -> bool:
    """Return whether a parse needs no repair.

    The grammar accepts triple quotes anywhere as the end of a heredoc, so an odd number of them may
    be an unclosed heredoc.
    """
    return _is_sound(root, source) and (
        source.count(b'"""') % 2 == 0 or all(kind != "open" for *_, kind in _literals(source))
    )


def _definitions(root: Node, source: bytes) -> int:
    """Count definitions at any depth."""
    count, stack = 0, [root]
    while stack:
        node = stack.pop()
        stack.extend(node.named_children)
        count += node.kind_id == grammar.CALL and source.startswith(b"def", node.start_byte)
    return count


def _is_sound(root: Node, source: bytes) -> bool:
    """Return whether a parse has no error; the grammar reads a superfluous `end` as a name."""
    return not root.has_error and not any(
        child.kind_id == grammar.IDENTIFIER
        and source.startswith(b"end", child.start_byte)
        and child.end_byte - child.start_byte == len(b"end")
        for child in root.named_children
    )


def with_stand_ins(source: bytes) -> bytes:
    """Return `source` with an ASCII letter for every byte of another letter, mark or digit."""
    return _OTHER_LETTERS.sub(_stand_in, source)


def _stand_in(match: re.Match[bytes]) -> bytes:
    found = match.group()
    if found.startswith(b"?"):
        return found
    return b"".join(map(_plain, found.decode("utf-8", "surrogateescape")))


def _plain(letter: str) -> bytes:
    raw = letter.encode("utf-8", "surrogateescape")
    is_letter = f"a{letter}".isidentifier() or letter in _MATHEMATICAL
    return b"x" * len(raw) if is_letter else raw


def _name(match: re.Match[bytes]) -> bytes:
    return b"_" * len(match.group())


@dataclass(frozen=True, slots=True)
class _Line:
    """A line: its position, its code without literals and comments, and its indentation.

    `starts` is false inside a literal or an open bracket.
    """

    start: int
    end: int
    code: bytes
    indentation: int
    starts: bool


class _Mender:
    """Removes code that cannot be read: `text` is the result, and `blanks` are the places."""

    def __init__(self, source: bytes) -> None:
        self.text = bytearray(source)
        self.blanks: list[tuple[int, int]] = []
        self.lines, open_texts = _lines_of(source)
        for position in open_texts:
            self.text[position] = _UNREADABLE
        self._budget = PARSED_AGAIN * len(source) + 10_000

    def mend(self, first: int, last: int, depth: int) -> None:
        """Repair the lines from `first` to before `last`, statement by statement."""
        for start, stop in self._statements(first, last):
            if not self._is_sound(self._source(start, stop)):
                self._mend_statement(start, stop, depth)

    def _statements(self, first: int, last: int) -> list[tuple[int, int]]:
        """Divide lines at statements with the smallest indentation."""
        starting = [number for number in range(first, last) if self.lines[number].starts]
        if not starting:
            return []
        margin = min(self.lines[number].indentation for number in starting)
        starts = [n for n in starting if self.lines[n].indentation == margin]
        return list(zip(starts, [*starts[1:], last], strict=True))

    def _mend_statement(self, first: int, last: int, depth: int) -> None:
        head = self.lines[first].code.lstrip()
        block = self._block(first, last)
        is_module = _DIVIDED.match(head) is not None
        if block is None:
            short = _SHORT_BODY.search(self._code(first, last))
            if short is None or _FUNCTION.match(head) is None:
                self._blank(self.lines[first].start, self.lines[last - 1].end)
                return
            body = self.lines[first].start + short.start()
            self._blank_or_all(first, last, body, self.lines[last - 1].end)
            return
        start, stop = block
        if depth < DEEPEST and self._is_sound(self._skeleton(first, start, stop, last)):
            margin = self.lines[first].indentation
            edges = [n for n in range(start, stop) if self._is_section(n, margin)]
            for left, right in zip([start, *(n + 1 for n in edges)], [*edges, stop], strict=True):
                self.mend(left, right, depth + 1)
        if not is_module and not self._is_sound(self._source(first, last)):
            self._blank_or_all(first, last, self.lines[start].start, self.lines[stop].start)

    def _block(self, first: int, last: int) -> tuple[int, int] | None:
        """Return the lines between the first `do` and the `end` under the statement's start."""
        opening = next((n for n in range(first, last) if _DO.search(self.lines[n].code)), None)
        margin = self.lines[first].indentation
        closing = [
            number
            for number in range(first + 1, last)
            if self.lines[number].indentation == margin
            and _END.match(self.lines[number].code.lstrip())
        ]
        if opening is None or not closing or opening >= closing[-1]:
            return None
        return opening + 1, closing[-1]

    def _is_section(self, number: int, margin: int) -> bool:
        line = self.lines[number]
        return line.indentation == margin and _SECTION.match(line.code.lstrip()) is not None

    def _skeleton(self, first: int, start: int, stop: int, last: int) -> bytes:
        """Return a statement with an empty block, except for `else` and similar sections."""
        margin = self.lines[first].indentation
        inside = b"".join(
            self._source(n, n + 1) for n in range(start, stop) if self._is_section(n, margin)
        )
        return self._source(first, start) + inside + self._source(stop, last)

    def _blank_or_all(self, first: int, last: int, start: int, end: int) -> None:
        """Remove a part of a statement, or all of it if the rest still cannot be parsed."""
        begin, stop = self.lines[first].start, self.lines[last - 1].end
        rest = self.text[begin:start] + self.text[end:stop]
        if self._is_sound(bytes(rest)):
            self._blank(start, end)
        else:
            self._blank(begin, stop)

    def _blank(self, start: int, end: int) -> None:
        """Replace every line by a name, except the rest of the first one.

        With blank lines, the time to parse would be quadratic.
        """
        rest = self.text.find(b"\n", start, end) if self._is_inside_line(start) else start
        rest = end if rest < 0 else rest
        self.text[start:rest] = b" " * (rest - start)
        self.text[rest:end] = _WRITTEN.sub(_name, bytes(self.text[rest:end]))
        while self.blanks and self.blanks[-1][0] >= start:
            self.blanks.pop()
        self.blanks.append((start, end))

    def _is_inside_line(self, position: int) -> bool:
        before = self.text[self.text.rfind(b"\n", 0, position) + 1 : position]
        return bool(before.strip())

    def _is_sound(self, source: bytes) -> bool:
        """Return whether a piece parses; false once the budget is used up."""
        self._budget -= len(source)
        return self._budget > 0 and _is_sound(parse(grammar.PARSER, source).root_node, source)

    def _source(self, first: int, last: int) -> bytes:
        return bytes(self.text[self.lines[first].start : self.lines[last - 1].end])

    def _code(self, first: int, last: int) -> bytes:
        return b"".join(line.code for line in self.lines[first:last])


def _literals(source: bytes) -> Iterator[tuple[int, int, str]]:
    """Yield comments, characters and strings: begin, end and kind of each.

    An unclosed string is "open" and ends with its line. The time is linear: after an end was not
    found, it is not searched again for strings of that kind.
    """
    position, missing = 0, dict[bytes, int]()
    while match := _OPENING.search(source, position):
        start, position, kind = match.start(), match.end(), match.lastgroup or ""
        if kind not in ("comment", "character"):
            opening = match[kind]
            end, stop = -1, missing.get(opening, 0)
            if start >= stop:
                end, stop = _end_of(source, opening, position)
            if end < 0:
                missing[opening] = stop
                kind, end = "open", source.find(b"\n", position)
            position = len(source) if end < 0 else end
        yield start, position, kind


def _end_of(source: bytes, opening: bytes, position: int) -> tuple[int, int]:
    """Return the end of a string, -1 if it is unclosed, and how far the search went."""
    if len(opening) > 1:
        found = _HEREDOC_ENDS[opening].search(source, position)
        if found is None:
            return -1, len(source)
        return -1 if found[0].startswith(opening) else found.end(), found.start()
    closing = _CLOSING[opening[0]]
    inside = _INSIDE[closing].match(source, position)
    stop = position if inside is None else inside.end()
    return stop + 1 if source[stop : stop + 1] == bytes([closing]) else -1, stop


def _lines_of(source: bytes) -> tuple[list[_Line], list[int]]:
    """Return the lines of a source, and where unclosed strings begin."""
    pieces, position = [], 0
    inside: set[int] = set()
    open_texts: list[int] = []
    for start, end, kind in _literals(source):
        pieces.append(source[position:start])
        pieces.append(_NOT_NEWLINE.sub(b" " if kind == "comment" else b'"', source[start:end]))
        if kind == "open":
            open_texts.append(start)
        position = end
        newline = source.find(b"\n", start, position)
        while newline >= 0:
            inside.add(newline + 1)
            newline = source.find(b"\n", newline + 1, position)
    code = b"".join([*pieces, source[position:]])
    lines, start, depth = [], 0, 0
    for line in code.splitlines(keepends=True) if b"\r" not in code else _split(code):
        bare = line.lstrip(b" \t")
        opens_form = _OPENS_FORM.match(bare) is not None
        depth = 0 if opens_form else depth
        starts = (
            start not in inside
            and bool(bare.strip())
            and depth == 0
            and _GOES_ON.match(bare) is None
        )
        lines.append(_Line(start, start + len(line), line, len(line) - len(bare), starts))
        start += len(line)
        opened = sum(map(bare.count, (b"(", b"[", b"{")))
        depth = max(0, depth + opened - sum(map(bare.count, (b")", b"]", b"}"))))
    return lines, open_texts


def _split(code: bytes) -> list[bytes]:
    r"""Split at `\n` only: a lone `\r` ends no line."""
    lines = [line + b"\n" for line in code.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]
