"""A reader of Erlang terms in text, as `file:consult/1` reads them: one term, a full stop, again.

Terms become Python values: integers and floats as they are, atoms `Atom`, strings `str`, binaries
`bytes`, lists `list`, tuples `tuple`, maps `Map`. Nothing is evaluated and no recursion is used,
so hostile text costs time in proportion to its length and no stack.

Grammar: the Erlang reference manual, chapters "Data Types" and "Character Set and Source File
Encoding". Refused, as the Hex implementation inside rebar3 refuses them too: lists with a tail
(`[a|b]`), binary segments of other than whole bytes, sigils, funs. What nests deeper than DEEPEST
is read and not kept: `Unkept` stands for it.

It is our own, since the Python packages that were found read terms in their binary form only.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from corpus.erlang_tokens import (
    LONGEST_ATOM,
    LONGEST_NUMBER,
    NUMBERS,
    RESERVED,
    Token,
    described,
    named,
    scan,
    unescaped,
)
from corpus.errors import CorpusError

DEEPEST = 100
"""Lists, tuples, maps inside one another that are kept, so that who walks a term may recurse. Real
metadata.config files nest five deep."""
CLOSING = {"[": "]", "{": "}", "#{": "}"}
PLAIN_BINARY = re.compile(r'<<"(?:([^"\\\x80-\U0010ffff]*)"|([^"\\]*)"/utf8)>>')
"""A binary of one string without escapes, as nearly all are: one match instead of five tokens."""


class Atom(str):
    """An Erlang atom: text that names itself."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Map:
    """An Erlang map, as its pairs in the order they are written; keys need not be hashable."""

    pairs: tuple[tuple["Term", "Term"], ...]


@dataclass(frozen=True, slots=True)
class Unkept:
    """Stands for what nests too deeply."""


Term = int | float | str | bytes | list["Term"] | tuple["Term", ...] | Map | Unkept


class MalformedTerms(CorpusError):
    """Text that is not Erlang terms; `line` counts from 1."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(line, what)
        self.line = line
        self.what = what

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}"


class Frame(NamedTuple):
    """A list, tuple or map that is still open, with the items read so far."""

    mark: str
    items: list[Term]


def consult(data: bytes) -> list[Term]:
    """Read every term of `data`, UTF-8 or, where it is not that, latin-1. Raises MalformedTerms."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    reader = Reader(text)
    terms = []
    while reader.token.kind != "end":
        terms.append(reader.term())
        reader.expect("stop")
    return terms


class Reader:
    """Reads terms from the front of a text, one token ahead."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.token = scan(text, 0)

    def term(self) -> Term:
        """Read one term, without the full stop behind it."""
        frames: list[Frame] = []
        while True:
            if self.token.kind in CLOSING:
                self.open(frames)
                if self.token.kind != CLOSING[frames[-1].mark]:
                    continue
            elif not frames:
                return self.scalar()
            else:
                frames[-1].items.append(self.scalar())
            while self.closes(frames[-1]):
                frame = frames.pop()
                value = finished(frame) if len(frames) < DEEPEST else Unkept()
                if not frames:
                    return value
                frames[-1].items.append(value)

    def open(self, frames: list[Frame]) -> None:
        """Begin a list, tuple or map."""
        frames.append(Frame(self.advance().kind, []))

    def closes(self, frame: Frame) -> bool:
        """Take what stands behind an item of `frame`: True for its end, False for a separator."""
        if self.token.kind == "|":
            raise self.error("a list with a tail is not supported")
        if frame.mark == "#{" and len(frame.items) % 2 == 1:
            self.expect("=>")
            return False
        if self.token.kind != ",":
            self.expect(CLOSING[frame.mark])
            return True
        self.advance()
        return False

    def scalar(self) -> Term:
        """Read a term that holds no others."""
        match self.token.kind:
            case "string":
                return self.string()
            case "<<":
                return self.binary()
            case "atom" | "quoted":
                return self.atom()
            case _:
                return self.number()

    def string(self) -> str:
        """Read a string, and those that follow it at once, which the printer uses to wrap lines."""
        pieces = []
        while self.token.kind == "string":
            pieces.append(self.unescaped(self.token.text))
            self.advance()
        return "".join(pieces)

    def atom(self) -> Atom:
        """Read an atom, quoted or not."""
        token = self.token
        text = token.text if token.kind == "atom" else self.unescaped(token.text)
        if len(text) > LONGEST_ATOM or (token.kind == "atom" and text in RESERVED):
            raise self.error(f"{text[:40]!r} is not an atom")
        self.advance()
        return Atom(text)

    def number(self) -> int | float:
        """Read an integer, a float or a character, with its sign."""
        sign = -1 if self.token.kind == "-" else 1
        if self.token.kind in ("-", "+"):
            self.advance()
        token = self.token
        if token.kind not in NUMBERS or len(token.text) > LONGEST_NUMBER:
            raise self.error(f"expected a term, found {described(token)}")
        try:
            value = NUMBERS[token.kind](token.text)
        except ValueError as error:
            raise self.error(f"{described(token)} is not a number") from error
        self.advance()
        return sign * value

    def binary(self) -> bytes:
        """Read <<...>>: strings, integers, or nothing, each as bytes or as UTF-8."""
        if plain := PLAIN_BINARY.match(self.text, self.token.offset):
            self.token = scan(self.text, plain.end())
            return (plain[1] or plain[2] or "").encode()
        self.advance()
        pieces: list[bytes] = []
        while self.token.kind != ">>":
            if pieces:
                self.expect(",")
            pieces.append(self.segment())
        self.advance()
        return b"".join(pieces)

    def segment(self) -> bytes:
        """Read one segment of a binary; without `/utf8` each number keeps its lowest eight bits."""
        value = self.string() if self.token.kind == "string" else self.number()
        if isinstance(value, float):
            raise self.error("a float in a binary is not supported")
        if isinstance(value, str) and value.isascii() and self.token.kind != "/":
            return value.encode()
        points = [ord(character) for character in value] if isinstance(value, str) else [value]
        if self.token.kind != "/":
            return bytes(point & 0xFF for point in points)
        self.advance()
        if self.token.text != "utf8":
            raise self.error(f"expected utf8, found {described(self.token)}")
        self.advance()
        try:
            return "".join(map(chr, points)).encode()
        except (ValueError, OverflowError) as error:
            raise self.error("not a Unicode character") from error

    def unescaped(self, quoted: str) -> str:
        """Return what stands between the quotes of the token at hand."""
        try:
            return unescaped(quoted[1:-1])
        except ValueError as error:
            raise self.error(f"{described(self.token)} holds a bad escape") from error

    def expect(self, kind: str) -> None:
        """Take one token of that kind."""
        if self.token.kind != kind:
            raise self.error(f"expected {named(kind)}, found {described(self.token)}")
        self.advance()

    def advance(self) -> Token:
        """Take the token at hand and look at the next."""
        token = self.token
        self.token = scan(self.text, token.offset + len(token.text))
        return token

    def error(self, what: str) -> MalformedTerms:
        """Build the error for the token at hand."""
        return MalformedTerms(self.text.count("\n", 0, self.token.offset) + 1, what)


def finished(frame: Frame) -> Term:
    """Return the value of a list, tuple or map that has ended."""
    match frame.mark:
        case "[":
            return frame.items
        case "{":
            return tuple(frame.items)
        case _:
            return Map(tuple(zip(frame.items[::2], frame.items[1::2], strict=True)))
