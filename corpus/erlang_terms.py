"""A reader of Erlang terms in text, like `file:consult/1`: terms that each end with a full stop.

Terms become Python values: integers and floats, atoms `Atom`, strings `str`, binaries `bytes`,
lists `list`, tuples `tuple`, maps `Map`. Nothing is evaluated and no recursion is used, so the time
for hostile text is linear and the stack is not used up.

Grammar: the Erlang reference manual, chapters "Data Types" and "Character Set and Source File
Encoding". These are refused, as by the Hex implementation in rebar3: lists with a tail (`[a|b]`),
binary segments of other than whole bytes, sigils, funs. Terms that nest deeper than DEEPEST are
read but not kept: `Unkept` replaces them.

It is written here because the Python packages that were found read only the binary form of terms.
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
"""Maximum depth of lists, tuples and maps that are kept, so that a caller may recurse over a term.
Real metadata.config files have a depth of five.
"""
CLOSING = {"[": "]", "{": "}", "#{": "}"}
PLAIN_BINARY = re.compile(r'<<"(?:([^"\\\x80-\U0010ffff]*)"|([^"\\]*)"/utf8)>>')
"""A binary of one string without escapes, the most frequent form: one match instead of five tokens.
"""


class Atom(str):
    """An Erlang atom."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Map:
    """An Erlang map, as its pairs in source order; keys need not be hashable."""

    pairs: tuple[tuple["Term", "Term"], ...]


@dataclass(frozen=True, slots=True)
class Unkept:
    """Replaces a term that nests too deeply."""


Term = int | float | str | bytes | list["Term"] | tuple["Term", ...] | Map | Unkept


class MalformedTerms(CorpusError):
    """The text is not Erlang terms; `line` counts from 1."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(line, what)
        self.line = line
        self.what = what

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}"


class Frame(NamedTuple):
    """An open list, tuple or map, with the items read so far."""

    mark: str
    items: list[Term]


def consult(data: bytes) -> list[Term]:
    """Read every term of `data`, which is UTF-8 or else latin-1. Raises MalformedTerms."""
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
        """Read one term, without the full stop after it."""
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
        """Read the token after an item of `frame`: True for its end, False for a separator."""
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
        """Read a term that contains no other terms."""
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
        """Read a string and directly following strings, which the printer uses to wrap lines."""
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
        """Read one segment of a binary; without `/utf8`, each number is reduced to its lowest eight
        bits.
        """
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
        """Return the text between the quotes of the current token."""
        try:
            return unescaped(quoted[1:-1])
        except ValueError as error:
            raise self.error(f"{described(self.token)} holds a bad escape") from error

    def expect(self, kind: str) -> None:
        """Take one token of the given kind."""
        if self.token.kind != kind:
            raise self.error(f"expected {named(kind)}, found {described(self.token)}")
        self.advance()

    def advance(self) -> Token:
        """Take the current token and read the next."""
        token = self.token
        self.token = scan(self.text, token.offset + len(token.text))
        return token

    def error(self, what: str) -> MalformedTerms:
        """Build the error for the current token."""
        return MalformedTerms(self.text.count("\n", 0, self.token.offset) + 1, what)


def finished(frame: Frame) -> Term:
    """Return the value of a complete list, tuple or map."""
    match frame.mark:
        case "[":
            return frame.items
        case "{":
            return tuple(frame.items)
        case _:
            return Map(tuple(zip(frame.items[::2], frame.items[1::2], strict=True)))
