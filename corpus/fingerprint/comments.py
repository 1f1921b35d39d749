"""The positions of comments in a file, found without parsing it.

A compiled expression jumps from one relevant byte to the next: comment signs, and tokens that may
contain one (strings, charlists, heredocs, sigils, quoted atoms, `?#` and `$%`). For code that
compiles, the result follows the lexical rules of the language. For other code it is deterministic:
text after an unclosed quote counts as quoted.

There are known limits, without effect on exact duplicates and with little effect on similarity:
Erlang's bracketed sigils (OTP 27) are read as code, and comments of Elixir inside EEx tags as
template.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache, partial

from corpus.errors import CorpusError
from corpus.source import PROSE

Span = tuple[int, int]
"""A half-open range of bytes."""


class UnknownLanguage(CorpusError):
    """There is no comment syntax for this language."""

    def __init__(self, language: str) -> None:
        known = ", ".join(sorted(_SCANNERS))
        super().__init__(f"No comment syntax is known for language {language!r}; known: {known}.")


def comment_spans(text: bytes, language: str) -> Iterator[Span]:
    """Yield the comments of `text` in order, without the line breaks that end them.

    Raises UnknownLanguage unless `language` is one of `corpus.source.LANGUAGES`.
    """
    if language not in _SCANNERS:
        raise UnknownLanguage(language)
    return _SCANNERS[language](text)


def comment_blocks(text: bytes, language: str) -> Iterator[Span]:
    """Yield the comments of `text` in order; comments with only blanks between them are joined.

    In real Erlang code there are a third as many blocks as comments. Raises UnknownLanguage as
    `comment_spans` does.
    """
    if language not in _BLOCK_SCANNERS:
        raise UnknownLanguage(language)
    return _BLOCK_SCANNERS[language](text)


def _but(*lacking: bytes) -> bytes:
    """Return a class of all bytes except these, listed positively, which matches in half the time.

    For a class that begins with `^`, Python tests each part and then negates the result.
    """
    held = (byte for byte in range(256) if byte not in b"".join(lacking))
    return b"[%b]" % b"".join(rb"\x%02x" % byte for byte in held)


_FLAGS = re.VERBOSE | re.DOTALL
_ELIXIR_CODE = rb"""
    %(plain)b*
    (?:
      (?: \?(?<![\w\x80-\xff]\?)(?:\\.|.) | \?
        | "(?!"")%(string)b*(?:(?:\\.|\#(?!\{))%(string)b*)*"
        | '(?!'')%(charlist)b*(?:(?:\\.|\#(?!\{))%(charlist)b*)*'
      )
      %(plain)b*
    )*
    (?: (?P<comment>\#[^\n]*%(further)b)
      | (?P<brace>\{) | (?P<closing>\})
      | (?P<opening> "(?:""(?=[ \t]*\r?\n))? | '(?:''(?=[ \t]*\r?\n))?
          | (?<!~~)~(?:[a-z]|[A-Z][A-Z0-9]*)
            (?:"{3}(?=[ \t]*\r?\n) | '{3}(?=[ \t]*\r?\n) | [(\[{<"'/|]))
      | ~ | \Z)
"""
"""Irrelevant code, including strings without interpolation; then a byte that needs a decision.

All patterns here are unrolled loops with only one way to match any text. After each loop there is a
part that always matches, so that there is no backtracking.
"""


def _elixir_code(special: bytes, further: bytes) -> re.Pattern[bytes]:
    """Compile a pattern that stops at these bytes; `further` continues with a comment."""
    inside = {b"string": _but(b'"\\#'), b"charlist": _but(b"'\\#")}
    return re.compile(
        _ELIXIR_CODE % {b"plain": _but(special), b"further": further, **inside}, _FLAGS
    )


def _elixir_codes(further: bytes) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Return patterns for code at the top and inside braces or interpolations."""
    return _elixir_code(b"#\"'?~", further), _elixir_code(b"#\"'?~{}", further)


_ELIXIR = _elixir_codes(b"")
_ELIXIR_BLOCKS = _elixir_codes(rb"(?:\s*\#[^\n]*)*")
_CLOSING = {b"(": b")", b"[": b"]", b"{": b"}", b"<": b">"}


def _elixir(
    text: bytes, codes: tuple[re.Pattern[bytes], re.Pattern[bytes]] = _ELIXIR
) -> Iterator[Span]:
    """Walk through code, with a stack of quoted texts whose `#{` is still open."""
    top, nested = codes
    enclosing: list[re.Pattern[bytes] | None] = []
    position = 0
    while position < len(text):
        found = (nested if enclosing else top).match(text, position)
        assert found is not None
        position = found.end()
        kind = found.lastgroup
        if kind == "comment":
            yield found.span("comment")
        elif kind == "brace":
            enclosing.append(None)
        elif kind == "closing":
            if (outer := enclosing.pop()) is not None:
                position = _skip_quoted(text, position, outer, enclosing)
        elif kind == "opening":
            position = _skip_quoted(text, position, _quoted(found["opening"]), enclosing)


def _skip_quoted(
    text: bytes,
    position: int,
    quoted: re.Pattern[bytes],
    enclosing: list[re.Pattern[bytes] | None],
) -> int:
    """Return where code continues: after the closing quote, or inside an interpolation."""
    found = quoted.match(text, position)
    if found is None:
        return len(text)
    if found.lastgroup == "nested":
        enclosing.append(quoted)
    return found.end()


@lru_cache(maxsize=256)
def _quoted(opening: bytes) -> re.Pattern[bytes]:
    """Compile a pattern for the text between `opening` (such as `~s[`) and its end or next
    interpolation.
    """
    delimiter = opening.lstrip(b"~abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    hash_sign, lone, nested = b"#", rb"|\#(?!\{)", rb"|\#\{(?P<nested>)"
    if opening[1:2].isupper():
        hash_sign = lone = nested = b""
    if len(delimiter) == 3:
        plain = _but(b"\n\\", hash_sign) + b"*"
        special = rb"\n(?![ \t]*%b)|\\(?:[^\n]|(?=\n))%b" % (delimiter, lone)
        end = rb"\n[ \t]*%b" % delimiter
    else:
        closing = _CLOSING.get(delimiter, delimiter)
        end, plain = re.escape(closing), _but(b"\\", closing, hash_sign) + b"*"
        special = rb"\\.%b" % lone
    loop = rb"%b(?:(?:%b)%b)*" % (plain, special, plain)
    return re.compile(rb"%b(?:%b%b)" % (loop, end, nested), re.DOTALL)


_ERLANG_CODE = rb"""
    %(plain)b*
    (?:
      (?: "(?<!"")""(?P<more>"*)[ \t]*\r?(?=\n)
          [^\n]*(?:\n(?![ \t]*"{3}(?P=more))[^\n]*)*(?:\n[ \t]*"{3}(?P=more)|\Z)
        | "%(string)b*(?:\\.%(string)b*)*(?:"|\\?\Z)
        | '%(atom)b*(?:\\.%(atom)b*)*(?:'|\\?\Z)
        | \$(?:\\.|.)
      )
      %(plain)b*
    )*
    (?:(?P<comment>%%[^\n]*%(further)b)|\$|\Z)
"""


def _erlang_code(further: bytes) -> re.Pattern[bytes]:
    inside = {b"plain": _but(b"%\"'$"), b"string": _but(b'"\\'), b"atom": _but(b"'\\")}
    return re.compile(_ERLANG_CODE % {b"further": further, **inside}, _FLAGS)


_TEMPLATE = re.compile(
    rb"(?P<comment><(?:%\#.*?(?:%>|\Z)|%!--.*?(?:--%>|\Z)|!--.*?(?:-->|\Z)))", _FLAGS
)


_PROSE = re.compile(rb"(?P<comment><!--.*?(?:-->|\Z))", _FLAGS)
_GLEAM = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|(?P<comment>//[^\n]*)', _FLAGS)


def _by_expression(expression: re.Pattern[bytes]) -> Callable[[bytes], Iterator[Span]]:
    """Make a scanner of an expression whose comments never nest."""

    def scan(text: bytes) -> Iterator[Span]:
        found = expression.finditer(text)
        return (match.span("comment") for match in found if match.lastgroup == "comment")

    return scan


_SCANNERS: dict[str, Callable[[bytes], Iterator[Span]]] = {
    "elixir": _elixir,
    "erlang": _by_expression(_erlang_code(b"")),
    "heex": _by_expression(_TEMPLATE),
    "eex": _by_expression(_TEMPLATE),
    "gleam": _by_expression(_GLEAM),
    **dict.fromkeys(sorted(PROSE), _by_expression(_PROSE)),
}
_BLOCK_SCANNERS: dict[str, Callable[[bytes], Iterator[Span]]] = {
    **_SCANNERS,
    "elixir": partial(_elixir, codes=_ELIXIR_BLOCKS),
    "erlang": _by_expression(_erlang_code(rb"(?:\s*%[^\n]*)*")),
}
