"""Repair of Erlang that the grammar cannot read, form by form.

The preprocessor works on tokens, so a macro may stand for anything: `?WITH_STACKTRACE(C, R, S)` for
the head of a clause, `?END` for `end`. A grammar cannot parse that. A file that has parse errors is
therefore cut where Erlang's own scanner ends a form, at a full stop. Forms that the grammar reads
alone are not changed. In the others, unknown tokens are replaced by known ones of the same length:
a macro by an atom, a clause head or nothing, depending on the tokens around it; `maybe` and `else`,
atoms before OTP 27, by other atoms; escapes by plain letters. If a clause still cannot be read, its
body is removed, then the patterns of its head, and then the whole clause. Offsets and lines do not
change, so names and texts are taken from the original source.
"""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from tree_sitter import Node

from corpus.erlang import grammar
from corpus.erlang_tokens import RESERVED
from corpus.parsing import ParseLimit, Unparsable, parse

_BLANK: Final = rb"(?:[\x00-\x20]|\xc2[\x80-\xa0])"
_TOKENS: Final = rb"""
    (?P<blank>(?:%(blank)b+|%%[^\n]*)+)
  | (?P<word>[A-Za-z_\x80-\xff][0-9A-Za-z_@\x80-\xff]*)
  %(triple)b
  | (?P<string>"(?:[^"\\%(end)b]+|\\.)*"?)
  | (?P<quoted>'(?:[^'\\%(end)b]+|\\.)*'?)
  | (?P<character>\$(?:\\(?:x\{[0-9A-Fa-f]*\}|x[0-9A-Fa-f]{2}|[0-7]{1,3}|\^.|.)|[^\\])[\x80-\xbf]*)
  | (?P<number>[0-9](?:_?[0-9])*(?:\#[0-9A-Za-z](?:_?[0-9A-Za-z])*)?
        (?:\.[0-9](?:_?[0-9])*)?(?:(?<=[0-9])[eE][+-]?[0-9]+)?)
  | (?P<stop>\.(?=%(blank)b|%%|\Z))
  | (?P<mark>->|<-|<=|=>|:=|\|\||::|<<|>>|\?=|\.\.\.|\.\.|.)
"""
_TRIPLE: Final = rb"""
  | (?P<triple>(?:~[bBsS]?)?(?<!")(?P<quotes>"{3,})[ \t]*\r?(?=\n)
        (?:[^\n]+|\n(?![ \t]*(?P=quotes)))*(?:\n[ \t]*(?P=quotes))?)
  | (?P<sigil>~(?:[bs]?(?:\((?:[^\\)]+|\\.)*\)?|\[(?:[^\\\]]+|\\.)*\]?|\{(?:[^\\}]+|\\.)*\}?
        |<(?:[^\\>]+|\\.)*>?|"(?:[^\\"]+|\\.)*"?|'(?:[^\\']+|\\.)*'?|/(?:[^\\/]+|\\.)*/?
        |\|(?:[^\\|]+|\\.)*\|?|`(?:[^\\`]+|\\.)*`?|\#(?:[^\\\#]+|\\.)*\#?)
        |[BS](?:\([^)]*\)?|\[[^\]]*\]?|\{[^}]*\}?|<[^>]*>?|"[^"]*"?|'[^']*'?|/[^/]*/?
        |\|[^|]*\|?|`[^`]*`?|\#[^\#]*\#?)))
"""


def _pattern(triple: bytes, end: bytes) -> re.Pattern[bytes]:
    values = {b"blank": _BLANK, b"triple": triple, b"end": end}
    return re.compile(_TOKENS % values, re.VERBOSE | re.DOTALL)


_TOKEN: Final = _pattern(_TRIPLE, b"")
_TOKEN_OF_A_LINE: Final = _pattern(b"", rb"\n")
"""The same after an unclosed quote: quoted text ends with its line."""
_CLOSING: Final = dict(zip(b"([{</", b")]}>/", strict=True))
"""The closing delimiter of a sigil, where it is not the opening one."""


class Token(NamedTuple):
    """A token, except blanks and comments; byte ranges are half open."""

    kind: str
    start: int
    end: int
    text: bytes


_STOP: Final = re.compile(rb"\.(?=%b|%%|\Z)" % _BLANK)
_FORM_IN_TEXT: Final = re.compile(
    rb"\n(?:-(?:%b)\b|[a-z][0-9A-Za-z_@]*\([^\n]*(?:->|\bwhen\b))"
    % b"|".join(
        b"spec export ifdef ifndef else endif if define include record type callback doc".split()
    )
)
_NONE: Final[Mapping[int, int]] = MappingProxyType({})


class Form(NamedTuple):
    """A form up to its full stop, with the blanks and comments before it; byte ranges are half
    open.
    """

    start: int
    end: int
    tokens: list[Token]


def forms(source: bytes, known: Mapping[int, int] = _NONE) -> Iterator[Form]:
    """Cut any bytes into forms, which cover them exactly; the last one may be incomplete.

    The first line of an escript is no part of any. Linear: where a quoted text is never closed, the
    rest is read again once, a line at a time. The range from a key of `known` to its value is not
    read: it becomes one form without tokens.
    """
    pattern, start = _TOKEN, 0
    tokens: list[Token] = []
    position = (source.find(b"\n") + 1 or len(source)) if source.startswith(b"#!") else 0
    while position < len(source):
        match = pattern.match(source, position)
        assert match is not None, "a mark is any byte"
        kind, end = match.lastgroup or "", match.end()
        if end == len(source) and pattern is _TOKEN and _is_open(kind, match.group()):
            pattern = _TOKEN_OF_A_LINE
            continue
        if not tokens and position in known:
            position = known[position]
            yield Form(start, position, [])
            start = position
            continue
        if kind in ("string", "quoted"):
            if pattern is _TOKEN and _spans_forms(kind, match.group()):
                match = _TOKEN_OF_A_LINE.match(source, position) or match
            if pattern is _TOKEN_OF_A_LINE or match.end() < end:
                end = _end_in_line(match)
        if kind != "blank":
            tokens.append(Token(kind, position, end, source[position:end]))
        position = end
        if kind == "stop":
            yield Form(start, end, tokens)
            start, tokens = end, []
    if start < len(source):
        yield Form(start, len(source), tokens)


def _spans_forms(kind: str, text: bytes) -> bool:
    """Return whether the end of a quoted text is probably the end of another one.

    Atoms have no line breaks, and a string rarely contains a full stop followed by a form.
    """
    if b"\n" not in text:
        return False
    return kind == "quoted" or (b".\n" in text and _FORM_IN_TEXT.search(text) is not None)


def _end_in_line(match: re.Match[bytes]) -> int:
    """Return the end of a quoted text: before the full stop of its line if it is not closed."""
    text = match.group().rstrip()
    is_stopped = _is_open("string", match.group()) and text.endswith(b".") and len(text) > 1
    return match.start() + len(text) - 1 if is_stopped else match.end()


def _is_open(kind: str, text: bytes) -> bool:
    """Return whether a quoted text lacks its end at the end of the file."""
    if kind in ("string", "quoted"):
        return len(text) < 2 or text[-1] != text[0] or _is_escaped_end(text)
    if kind == "triple":
        return re.search(rb'\n[ \t]*"{3,}\Z', text) is None
    if kind != "sigil":
        return False
    body = text.lstrip(b"~bBsS")
    closes = body[-1:] == bytes([_CLOSING.get(body[0], body[0])]) and len(body) > 1
    return not closes or (text[1] not in b"BS" and _is_escaped_end(body))


def _is_escaped_end(text: bytes) -> bool:
    before = text[:-1]
    return (len(before) - len(before.rstrip(b"\\"))) % 2 == 1


_LIMIT: Final = ParseLimit()


@dataclass(frozen=True, slots=True)
class Mended:
    """A source that the grammar can read, with the same length and lines.

    `errors` counts removed parts, and `unread` their bytes.
    """

    source: bytes
    errors: int
    unread: int


def mend(source: bytes, root: Node, limit: ParseLimit = _LIMIT) -> Mended:
    """Repair each form separately; `root` is the tree of the whole file.

    Raises Unparsable when all forms together have taken the CPU time of `limit`.
    """
    seconds = limit.seconds + limit.seconds_a_megabyte * len(source) / 1e6
    deadline = time.process_time() + seconds
    mended = bytearray(source)
    errors = unread = 0
    for form in forms(source, _known(source, root)):
        if time.process_time() > deadline:
            raise Unparsable(
                f"mending its forms took more than {seconds:.1f} s; only hostile input does that: "
                "leave the file out"
            )
        for start, end, text in _mended_form(source, form.tokens):
            if text is None:
                errors, unread = errors + 1, unread + end - start
            mended[start:end] = text or _blanked(source[start:end])
    return Mended(bytes(mended), errors, unread)


def _known(source: bytes, root: Node) -> dict[int, int]:
    """Return where readable forms start, and where each run of such forms ends."""
    known: dict[int, int] = {}
    starts: list[int] = []
    end = 0
    for child in [*root.children, None]:
        if (
            child is None
            or child.has_error
            or child.kind_id not in grammar.FORMS
            or (child.kind_id == grammar.FUNCTION_DECLARATION and is_open(source, child))
        ):
            known.update((start, end) for start in starts if start < end)
            starts = []
        elif child.kind_id != grammar.COMMENT:
            starts.append(child.start_byte)
            if _STOP.match(source, child.end_byte - 1):
                end = child.end_byte
    return known


def is_open(source: bytes, function: Node) -> bool:
    """Return whether a function lacks its full stop; the grammar does not require it."""
    return source[function.end_byte - 1 : function.end_byte] not in (b".", b";")


Piece = tuple[int, int, bytes | None]
"""A range of the source and its replacement; None if it was removed."""

_READ_ATTRIBUTES: Final = frozenset(
    b"module behaviour behavior export compile optional_callbacks spec callback type opaque nominal"
    b" doc moduledoc".split()
)
"""Attributes that are extracted from a module; other attributes are not read."""
_ATTRIBUTES: Final = _READ_ATTRIBUTES | frozenset(
    b"define undef ifdef ifndef if elif else endif include include_lib record export_type import"
    b" deprecated dialyzer on_load".split()
)


def _mended_form(source: bytes, tokens: list[Token]) -> Iterator[Piece]:
    """Repair a form up to its full stop; if full stops are missing, it may be several forms."""
    starts = [0, *_forms_inside(source, tokens)]
    for start, stop in zip(starts, [*starts[1:], len(tokens)], strict=True):
        if stop < len(tokens):
            yield tokens[start].start, tokens[stop - 1].end, None
        elif tokens:
            yield from _mended_pieces(source, tokens[start:])


def _forms_inside(source: bytes, tokens: list[Token]) -> Iterator[int]:
    """Yield the indices of tokens that begin a form at the start of a line, except the first.

    Such a token begins an attribute, or the head of a function that follows an arrow, an attribute
    or an unclosed bracket and not a `;`. Tokens inside a complete attribute do not count.
    """
    first = tokens[0].text if tokens else b""
    if first == b"-" and _is_set_off(tokens):
        return
    structure: _Structure | None = None
    has_arrow = first == b"-"
    for place in range(3 if has_arrow else 1, len(tokens) - 1):
        token = tokens[place]
        is_first = token.start == 0 or source[token.start - 1 : token.start] == b"\n"
        if is_first and token.text == b"-" and tokens[place + 1].text in _ATTRIBUTES:
            yield place
            has_arrow = True
        elif is_first and token.kind in ("word", "quoted"):
            is_call = tokens[place + 1].text == b"(" and not _is_keyword(token)
            if not is_call or tokens[place - 1].text == b";":
                continue
            structure = structure or _Structure(tokens)
            around = structure.around[place]
            behind = structure.closing.get(place + 1, len(tokens)) + 1
            is_head = behind < len(tokens) and tokens[behind].text in (b"->", b"when")
            if is_head and (has_arrow or (around >= 0 and around not in structure.closing)):
                yield place
        has_arrow = has_arrow or token.text == b"->"


def _mended_pieces(source: bytes, tokens: list[Token]) -> Iterator[Piece]:
    start, end = tokens[0].start, tokens[-1].end
    kind = _kind(tokens)
    if kind != "other" and _reads(source[start:end]):
        return
    says_nothing = (
        kind == "define"
        or (kind == "attribute" and _is_set_off(tokens))
        or (kind == "read" and _is_macro_alone(tokens))
    )
    if says_nothing:
        yield start, end, _blanked(source[start:end])
    elif kind == "function":
        for clause in _clauses(tokens):
            yield from _mended_clause(source, clause)
    elif kind == "other":
        yield start, end, None
    else:
        yield start, end, _first_that_reads(source, tokens)


def _kind(tokens: list[Token]) -> str:
    """Return the possible kind of a form: function, read (used attribute), attribute, define."""
    first, second = tokens[0], tokens[min(1, len(tokens) - 1)]
    if first.text == b"-" and second.kind == "word":
        if second.text == b"define":
            return "define"
        return "read" if second.text in _READ_ATTRIBUTES else "attribute"
    if first.text == b"?":
        return "function"
    is_head = first.kind in ("word", "quoted") and second.text == b"("
    return "function" if is_head and not _is_keyword(first) else "other"


def _is_set_off(tokens: list[Token]) -> bool:
    """Return whether a form has the marks of an attribute: `-name(...).`"""
    is_call = len(tokens) > 4 and tokens[2].text == b"(" and tokens[-1].kind == "stop"
    return is_call and _Structure(tokens).closing.get(2) == len(tokens) - 2


def _is_macro_alone(tokens: list[Token]) -> bool:
    """Return whether an attribute has only a macro as its value: `-export(?CALLBACKS).`"""
    return _is_set_off(tokens) and tokens[3].text == b"?" and tokens[5].text in (b")", b"(")


def _reads(text: bytes) -> bool:
    """Return whether the grammar reads a form alone, without errors and as a form."""
    root = root_of(text)
    return not root.has_error and all(each.kind_id in grammar.FORMS for each in root.children)


def _blanked(text: bytes) -> bytes:
    return re.sub(rb"[^\r\n]", b" ", text)


def _filled(text: bytes, with_: bytes) -> bytes:
    """Replace `text` by a word and blanks of the same length; its line breaks stay."""
    return with_ + _blanked(text[len(with_) :])


def _is_keyword(token: Token) -> bool:
    return token.kind == "word" and token.text.decode("utf-8", "replace") in RESERVED


class _Structure:
    """Matching brackets and open brackets, by the indices of tokens.

    `depths` counts open brackets and blocks, `around` is the innermost of them, -1 for none.
    """

    __slots__ = ("around", "closing", "depths")

    def __init__(self, tokens: list[Token]) -> None:
        self.closing: dict[int, int] = {}
        self.depths: list[int] = []
        self.around: list[int] = []
        stack: list[tuple[bytes, int]] = []
        counts: dict[bytes, int] = {}
        for place, token in enumerate(tokens):
            closes = _CLOSES.get(token.text) if token.kind in ("mark", "word") else None
            if closes is not None and counts.get(closes):
                while True:
                    opener, opened = stack.pop()
                    counts[opener] -= 1
                    if opener == closes:
                        break
                if opener != b"end":
                    self.closing[opened] = place
            self.depths.append(len(stack))
            self.around.append(stack[-1][1] if stack else -1)
            opens = _opens(tokens, place)
            if opens is not None:
                stack.append((opens, place))
                counts[opens] = counts.get(opens, 0) + 1


_CLOSES: Final = {b")": b"(", b"]": b"[", b"}": b"{", b">>": b"<<", b"end": b"end"}
"""The opening token for each closing token; every block ends with one `end`."""
_BLOCKS: Final = frozenset((b"begin", b"case", b"if", b"receive", b"try"))
_NO_EXPRESSION: Final = frozenset(b", ; ) ] } | || -> = :: : . ( / == =:= =/= >>".split())


def _opens(tokens: list[Token], place: int) -> bytes | None:
    """Return what a token opens: a bracket's own text, "end" for a block, or None."""
    kind, _, _, text = tokens[place]
    if kind == "mark":
        return text if text in (b"(", b"[", b"{", b"<<") else None
    if kind != "word":
        return None
    if text in _BLOCKS:
        return b"end"
    follows = [token.text for token in tokens[place + 1 : place + 3]] + [b"", b""]
    if text == b"fun":
        named = follows[0][:1].isupper() or follows[0][:1] == b"_"
        return b"end" if follows[0] == b"(" or (named and follows[1] == b"(") else None
    return b"end" if text == b"maybe" and follows[0] not in _NO_EXPRESSION else None


class _Clause(NamedTuple):
    """A clause of a function with its `;` or `.`; `arrow` and `parenthesis` are indices in it."""

    tokens: list[Token]
    parenthesis: int | None
    arrow: int | None


def _clauses(tokens: list[Token]) -> Iterator[_Clause]:
    """Cut a function into clauses: after an arrow, outside of brackets and blocks, `;` ends a
    clause.
    """
    structure = _Structure(tokens)
    start, arrow = 0, None
    for place, token in enumerate(tokens):
        is_last = place == len(tokens) - 1
        if structure.depths[place] and not is_last:
            continue
        if token.text == b"->" and arrow is None:
            arrow = place
        if (token.text == b";" and arrow is not None) or is_last:
            called = structure.closing.get(start + 1)
            parenthesis = None if called is None else called - start
            within = None if arrow is None else arrow - start
            yield _Clause(tokens[start : place + 1], parenthesis, within)
            start, arrow = place + 1, None
    if start < len(tokens):
        yield _Clause(tokens[start:], None, None)


def _mended_clause(source: bytes, clause: _Clause) -> Iterator[Piece]:
    """Repair a clause, or remove its body, or also its patterns, or the whole clause."""
    tokens, parenthesis, arrow = clause
    start, end = tokens[0].start, tokens[-1].end
    text = source[start:end]
    if _reads(text):
        return
    mended = _first_that_reads(source, tokens)
    if mended is not None:
        yield start, end, mended
        return
    has_end = tokens[-1].text in (b";", b".")
    if arrow is None or not has_end or arrow >= len(tokens) - 2:
        yield start, end, None
        return
    first, last = tokens[arrow + 1].start, tokens[-1].start
    body = _filled(source[first:last], b"a")
    heads = [(first, head) for head in _stand_ins(source, tokens[: arrow + 1])]
    if parenthesis is not None and parenthesis < arrow:
        heads.append((start, _head_without_patterns(source, tokens[: arrow + 1], parenthesis)))
    for unread, head in heads:
        between = _blanked(source[tokens[arrow].end : first])
        if _reads(head + between + body + tokens[-1].text):
            yield unread, last, None
            yield start, last, head + between + body
            return
    yield start, end, None


def _head_without_patterns(source: bytes, tokens: list[Token], parenthesis: int) -> bytes:
    """Write `f(_, _) ->` for any head, each argument at its first byte."""
    base, depths = tokens[0].start, _Structure(tokens).depths
    head = bytearray(_blanked(source[base : tokens[-1].end]))
    name = _lexical(tokens[:1], source)
    head[: len(name)] = name
    is_start = False
    for place in range(1, parenthesis + 1):
        token = tokens[place]
        offset = token.start - base
        if place in (1, parenthesis) or (token.text == b"," and depths[place] == 1):
            head[offset : offset + 1] = token.text
            is_start = True
        elif is_start:
            head[offset : offset + 1] = b"_"
            is_start = False
    head[-2:] = b"->"
    return bytes(head)


def _first_that_reads(source: bytes, tokens: list[Token]) -> bytes | None:
    return next((text for text in _stand_ins(source, tokens) if _reads(text)), None)


def _stand_ins(source: bytes, tokens: list[Token]) -> list[bytes]:
    """Return possible replacements for some tokens, the closest first, without repetition."""
    plain = _with_older_syntax(_lexical(tokens, source), tokens)
    found = [plain]
    if any(token.text == b"?" for token in tokens):
        found += [_without_macros(plain, tokens, whole) for whole in (True, False)]
    if any(token.text in (b"maybe", b"else") for token in tokens):
        found += [_without_keywords(text, tokens) for text in found]
    return list(dict.fromkeys(found))


def _with_older_syntax(text: bytes, tokens: list[Token]) -> bytes:
    """Replace syntax that the grammar does not support, or no longer supports.

    `is_subtype(K, atom())` in a specification is `K :: (atom())` since OTP 19; a comprehension may
    have several values since EEP 78.
    """
    base, result = tokens[0].start, bytearray(text)
    subtypes = [place for place, token in enumerate(tokens[:-4]) if token.text == b"is_subtype"]
    if not subtypes and not any(token.text == b"||" for token in tokens):
        return text
    structure = _Structure(tokens)
    for place in subtypes:
        if place + 1 in structure.closing and tokens[place + 3].text == b",":
            start, variable, comma = (
                tokens[each].start - base for each in (place, place + 2, place + 3)
            )
            name = bytes(result[variable:comma])
            result[start : comma + 1] = _filled(text[start : comma + 1], name + b"::(")
    comprehensions = {structure.around[p] for p, t in enumerate(tokens) if t.text == b"||"}
    several: set[int] = set()
    for place, token in enumerate(tokens):
        around, offset = structure.around[place], token.start - base
        if around not in comprehensions:
            continue
        if token.text == b"||":
            comprehensions.discard(around)
        elif token.text == b",":
            result[offset : offset + 1] = b"+"
            several.add(around)
        elif token.text == b"=>" and around in several:
            result[offset : offset + 2] = b"=="
    return bytes(result)


def _without_keywords(text: bytes, tokens: list[Token]) -> bytes:
    """Make `maybe` and `else` atoms.

    They are reserved since OTP 27 (EEP 49), and in the grammar; before, `maybe` could be a name,
    such as a type in rabbit_types.
    """
    base, result = tokens[0].start, bytearray(text)
    for token in tokens:
        if token.text in (b"maybe", b"else"):
            offset = token.start - base
            if text[offset : offset + len(token.text)] == token.text:
                result[offset] = ord("a")
    return bytes(result)


def _lexical(tokens: list[Token], source: bytes) -> bytes:
    """Replace unusual tokens by usual ones of the same kind and length."""
    base = tokens[0].start
    result = bytearray(source[base : tokens[-1].end])
    for kind, start, end, text in tokens:
        if kind in _PLAIN and _UNUSUAL.search(text):
            result[start - base : end - base] = _PLAIN[kind](text)
    return bytes(result)


_UNUSUAL: Final = re.compile(rb"[\\~\x80-\xff]")
_WORD_FIRST: Final = re.compile(rb"[A-Z_]|\xc3[\x80-\x96\x98-\x9e]")
_PLAIN: Final = {
    "character": lambda text: b"1" * len(text),
    "word": lambda text: (b"A" if _WORD_FIRST.match(text) else b"a") * len(text),
    "string": lambda text: b'"' + re.sub(rb"[^\n]", b"a", text[1:-1]) + b'"',
    "sigil": lambda text: b'"' + re.sub(rb"[^\n]", b"a", text[1:-1]) + b'"',
    "quoted": lambda text: b"'" + re.sub(rb"[^\n]", b"a", text[1:-1]) + b"'",
}


def _without_macros(text: bytes, tokens: list[Token], whole: bool) -> bytes:
    """Replace macros, with their arguments or, unless `whole`, by name only."""
    base, result = tokens[0].start, bytearray(text)
    structure = _Structure(tokens)
    place = 0
    before: Token | None = None
    while place < len(tokens):
        if tokens[place].text != b"?" or not _is_macro_name(tokens[place + 1 : place + 3]):
            before = tokens[place]
            place += 1
            continue
        first = last = place
        while last + 1 < len(tokens) and tokens[last].text == b"?":
            last += 1
        is_head = first == 0 or (not structure.depths[first] and tokens[first - 1].text == b";")
        is_call = last + 1 < len(tokens) and tokens[last + 1].text == b"("
        if whole and is_call and not is_head:
            last = structure.closing.get(last + 1, last)
        start, end = tokens[first].start - base, tokens[last].end - base
        after = tokens[last + 1] if last + 1 < len(tokens) else None
        field = _field(tokens, structure.around[first])
        if first == 2 and tokens[0].text == b"-":  # After the name of an attribute.
            before = None
        stand_in = _macro(end - start, last - first == 1, before, after, field)
        result[start:end] = _filled(bytes(result[start:end]), stand_in)
        if stand_in:
            shown = stand_in.rsplit(maxsplit=1)[-1]
            kind = "word" if shown.isalpha() else "string" if shown[:1] == b'"' else "mark"
            before = Token(kind, first, last, shown)
        place = last + 1
    return bytes(result)


_ENDS: Final = frozenset((b")", b"]", b"}", b">>", b"end"))
_OPENS_CLAUSE: Final = frozenset((b"catch", b"of", b";", b"receive", b"else", b"if", b"after"))
_STARTS: Final = frozenset(
    (b"fun", b"case", b"begin", b"try", b"receive", b"if", b"not", b"bnot", b"[", b"{", b"<<", b"?")
)
_VALUES: Final = frozenset(("number", "character", "string", "triple", "sigil", "quoted"))


def _is_macro_name(tokens: list[Token]) -> bool:
    if tokens and tokens[0].text == b"?":
        tokens = tokens[1:]
    return bool(tokens) and tokens[0].kind in ("word", "quoted")


def _field(tokens: list[Token], brace: int) -> bytes:
    """Return a field for the map or record that a brace opens; else an empty text."""
    if brace < 0 or tokens[brace].text != b"{":
        return b""
    before = [token.text for token in tokens[max(0, brace - 3) : brace]]
    return b"a=>a" if before[-1:] == [b"#"] else b"a=a" if b"#" in before else b""


def _macro(
    length: int, is_name: bool, before: Token | None, after: Token | None, field: bytes
) -> bytes:
    """Return the replacement for a macro between two tokens, with at most `length` bytes.

    `is_name` is true if it has no arguments; `field` is a field for the braces around it.
    """
    ends, follows = before is not None and _ends_value(before), b"" if after is None else after.text
    is_field = after is not None and after.kind == "mark" and follows == b"."
    is_access = follows == b"{" or (ends and is_field)
    if is_name and before is not None and before.text == b"#":
        return b"a" * length
    if is_name and is_access:
        return b"#" + b"a" * (length - 1)
    if any(each is not None and each.kind in ("string", "triple") for each in (before, after)):
        return b'"' + b"a" * (length - 2) + b'"' if is_name else b'""'
    if ends and after is not None and _starts_value(after):
        return b"+"
    if ends or before is None or after is None:
        return b"" if ends else b"a" * (length if is_name else 1)
    if field and before.text in (b"{", b",") and follows in (b",", b"}") and length >= len(field):
        return field
    if _starts_value(after):
        is_clause = before.text in _OPENS_CLAUSE and length > 2
        return b"a".ljust(length - 2) + b"->" if is_clause else b"a".ljust(length - 1) + b","
    return b"a" * (length if is_name else 1)


def _ends_value(token: Token) -> bool:
    if token.kind == "word":
        return token.text == b"end" or not _is_keyword(token)
    return token.kind in _VALUES or token.text in _ENDS


def _starts_value(token: Token) -> bool:
    if token.kind == "word":
        return token.text in _STARTS or not _is_keyword(token)
    return token.kind in _VALUES or token.text in _STARTS


def root_of(source: bytes) -> Node:
    """Parse `source` as `corpus.parsing.parse` does, and return the root of the tree."""
    return parse(grammar.PARSER, source, rereads_blank_lines=False).root_node
