"""Comments and tokens found slowly and plainly, byte by byte, to hold the fast way to."""

import re
from dataclasses import dataclass

Span = tuple[int, int]

_TOKEN = re.compile(rb"[A-Za-z0-9_\x80-\xff]+|[!-/:-@\[-^`{-~]")
_WORD = re.compile(rb"[A-Za-z0-9_\x80-\xff]")
_HEREDOC_BEGINS = re.compile(rb"[ \t]*\r?\n")
_CLOSING = {b"(": b")", b"[": b"]", b"{": b"}", b"<": b">"}


def reference_tokens(code: bytes) -> list[bytes]:
    """Words and single punctuation bytes."""
    return _TOKEN.findall(code)


def reference_comments(text: bytes, language: str) -> list[Span]:
    """Comment spans of `text`."""
    if language == "elixir":
        return ElixirReader(text).comments()
    return erlang_comments(text) if language == "erlang" else template_comments(text)


@dataclass(frozen=True)
class Quoted:
    """Text that ends with `end`, after a line break and blanks if it is a heredoc."""

    end: bytes
    interpolates: bool

    @property
    def heredoc(self) -> bool:
        return len(self.end) == 3


class ElixirReader:
    """Reads one byte at a time; `stack` holds open quotes, `#{` and, inside these, braces."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.at = 0
        self.stack: list[Quoted | str] = []
        self.found: list[Span] = []

    def comments(self) -> list[Span]:
        while self.at < len(self.text):
            inside = self.stack[-1] if self.stack else None
            if isinstance(inside, Quoted):
                self.read_quoted(inside)
            else:
                self.read_code()
        return self.found

    def sees(self, wanted: bytes) -> bool:
        return self.text.startswith(wanted, self.at)

    def read_quoted(self, quoted: Quoted) -> None:
        if self.sees(b"\\"):
            self.at += 1 if quoted.heredoc and self.sees(b"\\\n") else 2
        elif quoted.interpolates and self.sees(b"#{"):
            self.stack.append("#{")
            self.at += 2
        elif length := self.length_of_end(quoted):
            self.stack.pop()
            self.at += length
        else:
            self.at += 1

    def length_of_end(self, quoted: Quoted) -> int:
        if not quoted.heredoc:
            return 1 if self.sees(quoted.end) else 0
        if not self.sees(b"\n"):
            return 0
        blanks = len(self.text[self.at + 1 :]) - len(self.text[self.at + 1 :].lstrip(b" \t"))
        ends = self.text.startswith(quoted.end, self.at + 1 + blanks)
        return 1 + blanks + 3 if ends else 0

    def read_code(self) -> None:
        byte = self.text[self.at : self.at + 1]
        if byte == b"#":
            self.read_comment()
        elif byte == b"?" and not self.follows_a_word():
            self.at += min(3 if self.text[self.at + 1 : self.at + 2] == b"\\" else 2, self.left())
        elif byte in (b'"', b"'"):
            self.open_quote(self.at, interpolates=True)
        elif byte == b"~" and (name := self.sigil_name()):
            self.open_quote(self.at + 1 + len(name), interpolates=name.islower())
        else:
            self.read_brace(byte)

    def left(self) -> int:
        return len(self.text) - self.at

    def read_comment(self) -> None:
        end = self.text.find(b"\n", self.at)
        end = len(self.text) if end < 0 else end
        self.found.append((self.at, end))
        self.at = end

    def follows_a_word(self) -> bool:
        before = self.text[max(0, self.at - 1) : self.at]
        return bool(_WORD.match(before))

    def open_quote(self, at: int, *, interpolates: bool) -> None:
        mark = self.text[at : at + 1]
        if self.text[at : at + 3] in (b'"""', b"'''") and _HEREDOC_BEGINS.match(self.text, at + 3):
            mark = mark * 3
        self.stack.append(Quoted(_CLOSING.get(mark, mark), interpolates))
        self.at = at + len(mark)

    def sigil_name(self) -> bytes:
        found = re.match(rb"~([a-z]|[A-Z][A-Z0-9]*)[(\[{<\"'/|]", self.text[self.at :])
        after_two = self.text[max(0, self.at - 2) : self.at] == b"~~"
        return found[1] if found and not after_two else b""

    def read_brace(self, byte: bytes) -> None:
        self.at += 1
        if self.stack and byte == b"{":
            self.stack.append("{")
        elif self.stack and byte == b"}":
            self.stack.pop()


def erlang_comments(text: bytes) -> list[Span]:
    """`%` to the end of the line, outside `$%`, strings, quoted atoms and heredocs."""
    found: list[Span] = []
    at = 0
    while at < len(text):
        byte = text[at : at + 1]
        if byte == b"%":
            end = text.find(b"\n", at)
            end = len(text) if end < 0 else end
            found.append((at, end))
            at = end
        elif byte == b"$":
            at += 3 if text[at + 1 : at + 2] == b"\\" and at + 2 < len(text) else 2
        elif heredoc := erlang_heredoc(text, at):
            closing = re.search(rb"\n[ \t]*" + heredoc[1], text[at + len(heredoc[1]) :])
            at = at + len(heredoc[1]) + closing.end() if closing else len(text)
        elif byte in (b'"', b"'"):
            at = after_quoted(text, at)
        else:
            at += 1
    return found


def erlang_heredoc(text: bytes, at: int) -> re.Match[bytes] | None:
    """Three quotes or more at the end of a line, that no other quote comes before."""
    follows_a_quote = text[max(0, at - 1) : at] == b'"'
    return None if follows_a_quote else re.match(rb'("{3,})[ \t]*\r?\n', text[at:])


def after_quoted(text: bytes, at: int) -> int:
    """Return where the text goes on after the quote that begins at `at`."""
    quote = text[at]
    at += 1
    while at < len(text) and text[at] != quote:
        at += 2 if text[at : at + 1] == b"\\" else 1
    return at + 1


def template_comments(text: bytes) -> list[Span]:
    """`<%# %>`, `<%!-- --%>` and `<!-- -->`."""
    found: list[Span] = []
    at = 0
    while at < len(text):
        ends = [
            end
            for begin, end in ((b"<%#", b"%>"), (b"<%!--", b"--%>"), (b"<!--", b"-->"))
            if text.startswith(begin, at)
        ]
        if not ends:
            at += 1
            continue
        begin = {b"%>": 3, b"--%>": 5, b"-->": 4}[ends[0]]
        end = text.find(ends[0], at + begin)
        stop = len(text) if end < 0 else end + len(ends[0])
        found.append((at, stop))
        at = stop
    return found
