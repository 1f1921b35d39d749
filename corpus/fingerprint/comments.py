"""Where the comments of a file are, found without parsing it.

A compiled expression jumps from one interesting byte to the next: comment signs, and whatever may
hide one (strings, charlists, heredocs, sigils, quoted atoms, `?#` and `$%`). The answer follows the
language's lexical rules on code that compiles, and is the same every time on code that does not:
text after an unclosed quote counts as quoted.

Known limits, all without effect on exactness and little on similarity: Erlang's bracketed sigils
(OTP 27) are read as code, and comments of Elixir inside EEx tags as template.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache, partial

from corpus.errors import CorpusError

Span = tuple[int, int]
"""A half-open range of bytes."""


class UnknownLanguage(CorpusError):
    """Nobody has said what a comment looks like in this language."""

    def __init__(self, language: str) -> None:
        known = ", ".join(sorted(_SCANNERS))
        super().__init__(f"No comment syntax is known for language {language!r}; known: {known}.")


def comment_spans(text: bytes, language: str) -> Iterator[Span]:
    """Yield the comments of `text` in order, without the line breaks that end them.

    Raises UnknownLanguage unless `language` is elixir, erlang, heex or eex.
    """
    if language not in _SCANNERS:
        raise UnknownLanguage(language)
    return _SCANNERS[language](text)


def comment_blocks(text: bytes, language: str) -> Iterator[Span]:
    """Yield the comments of `text` in order, those that only blanks separate as one.

    On real Erlang, blocks are a third as many as comments. Raises UnknownLanguage as
    `comment_spans` does.
    """
    if language not in _BLOCK_SCANNERS:
        raise UnknownLanguage(language)
    return _BLOCK_SCANNERS[language](text)


def _but(*lacking: bytes) -> bytes:
    """Return a class of all bytes but these: named by what it holds, it matches in half the time.

    Python tries a class that begins with `^` against each of its parts and then turns the answer.
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
"""Code without interest, strings without interpolation among it; then what needs a decision.

All patterns here are unrolled loops: one way only to match any text, and after each loop something
that always matches where it ends, so that nothing is tried twice.
"""


def _elixir_code(special: bytes, further: bytes) -> re.Pattern[bytes]:
    """Compile the above so that it stops at these bytes; `further` goes on with a comment."""
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
    """Walk through code, and keep on a stack the quoted texts whose `#{` is still open."""
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
    """Return where code goes on: after the closing quote, or inside an interpolation."""
    found = quoted.match(text, position)
    if found is None:
        return len(text)
    if found.lastgroup == "nested":
        enclosing.append(quoted)
    return found.end()


@lru_cache(maxsize=256)
def _quoted(opening: bytes) -> re.Pattern[bytes]:
    """Compile what may stand between `opening` (say `~s[`) and its end or next interpolation."""
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
}
_BLOCK_SCANNERS: dict[str, Callable[[bytes], Iterator[Span]]] = {
    **_SCANNERS,
    "elixir": partial(_elixir, codes=_ELIXIR_BLOCKS),
    "erlang": _by_expression(_erlang_code(rb"(?:\s*%[^\n]*)*")),
}
