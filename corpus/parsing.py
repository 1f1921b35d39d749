"""One parse with tree-sitter, bounded in depth and in processor time."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from tree_sitter import Node, Parser, Tree

from corpus.errors import CorpusError

UNWATCHED: Final = 1 << 14
"""Bytes below which even quadratic time is about five seconds (20 ms for the square of a kilobyte
is the worst that was found, in Erlang's `;?+`), half of what a step on a file may take by default;
watching costs 2 percent."""
LOOK_EVERY: Final = 8
"""How many calls of the parser pass until its time is checked."""
LONE_RETURN: Final = re.compile(rb"\r(?!\n)")
"""The scanner of the Elixir grammar looks at a whole run of them again for each; Erlang's compiler
takes them for blanks, Elixir's for a mistake."""
BLANK_LINES: Final = re.compile(rb"\n(?:[ \t]*\r?\n){16,}")
"""The same scanner looks at a whole run of blank lines again for each that holds blanks. That of
Erlang does not, so it is not searched for them, which costs one percent of the parse."""
NEWLINE: Final = re.compile(rb"\r?\n")
MOST_QUOTES: Final = 500
"""The scanner of the Erlang grammar counts a whole run of double quotes again for each pair."""


class NestedTooDeeply(CorpusError):
    """A file nests further than anything written by people; it is rejected, not read in part."""


class Unparsable(CorpusError):
    """A parser cannot get through a file in reasonable time; it is rejected."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ParseLimit:
    """Processor time for one file.

    Real code takes 0.1 to 0.2 s a megabyte; error recovery is quadratic on some hostile input.
    """

    seconds: float = 2.0
    seconds_a_megabyte: float = 4.0


def parse(
    parser: Parser,
    source: bytes,
    limit: ParseLimit = ParseLimit(),
    *,
    rereads_blank_lines: bool = True,
) -> Tree:
    """Parse `source`; what the parser cannot read it marks, it refuses nothing.

    Ask the source for the text of a node, never the node: of a large file it would read memory that
    was given back. Raises Unparsable once the parser has taken twenty times what real code takes or
    more, or for a run of quotes that no person writes. Processor time is what counts, so a busy
    machine changes nothing. The parser is not asked while it reads one token, so whoever reads
    foreign files has a budget besides (`corpus.supervision`).
    """
    if b'"' * MOST_QUOTES in source:
        raise Unparsable(f"{MOST_QUOTES} double quotes in a row; people write far fewer")
    if b"\r" in source:
        source = LONE_RETURN.sub(b" ", source)
    if rereads_blank_lines and _has_blank_ends(source):
        source = BLANK_LINES.sub(_newlines_first, source)
    if len(source) < UNWATCHED:
        return parser.parse(source)
    seconds = limit.seconds + limit.seconds_a_megabyte * len(source) / 1e6
    wall, processor = time.monotonic() + seconds, time.process_time() + seconds
    asked = 0

    def exhausted(offset: int, has_error: bool) -> bool:
        # Asked every hundred steps, which take 45 ms at worst. Reading processor time is a system
        # call; wall time is none, but would still be the larger part of what watching costs.
        nonlocal asked
        asked += 1
        if asked % LOOK_EVERY:
            return False
        return time.monotonic() > wall and time.process_time() > processor

    try:
        with _reader(source) as read:
            return parser.parse(read, progress_callback=exhausted)
    except ValueError as error:
        parser.reset()
        raise Unparsable(
            f"the parser took more than {seconds:.1f} s; only hostile input does that"
        ) from error


def _has_blank_ends(source: bytes) -> bool:
    """Tell whether a line ends with blanks; a byte is looked for in a third of the time of two."""
    if b" \n" in source:
        return True
    if b"\t" in source and (b"\t\n" in source or b"\t\r" in source):
        return True
    return b"\r" in source and b" \r" in source


def _newlines_first(run: re.Match[bytes]) -> bytes:
    """Put the newlines of a run before its blanks: what follows keeps its offset and its line."""
    newlines = b"".join(NEWLINE.findall(run[0]))
    return newlines + NEWLINE.sub(b"", run[0])


@contextmanager
def _reader(source: bytes) -> Iterator[Callable[[int, object], memoryview]]:
    """Yield what tree-sitter reads `source` through.

    Its binding never lets go of what the function returns (`parser_read_wrapper` in parser.c of
    py-tree-sitter 0.26), so that is a view, and released here: half of every large file leaked.
    """
    views: list[memoryview] = []

    def read(offset: int, _: object) -> memoryview:
        views.append(memoryview(source)[offset:])
        return views[-1]

    try:
        yield read
    finally:
        for view in views:
            view.release()


def count_errors(root: Node) -> int:
    """Count error and missing nodes, entering only what holds one."""
    count, stack = 0, [root] if root.has_error else []
    while stack:
        node = stack.pop()
        if node.has_error or node.is_missing:
            count += node.is_error or node.is_missing
            stack.extend(node.children)
    return count


def unread_bytes(root: Node, source: bytes) -> int:
    """Count the bytes of the lines that hold what the parser could not read, each once."""
    spans, stack = [], [root] if root.has_error else []
    while stack:
        node = stack.pop()
        if node.is_error:
            spans.append((node.start_byte, node.end_byte))
        elif node.has_error:
            stack.extend(node.children)
    count = position = 0
    for start, end in sorted(spans):
        if end > position:
            first = max(position, source.rfind(b"\n", position, start) + 1)
            newline = source.find(b"\n", end - 1)
            position = len(source) if newline < 0 else newline + 1
            count += position - first
    return count


DEEPEST: Final = 1000
"""Open brackets at once outside literals; the sources of Elixir and RabbitMQ stay below 65."""

_LITERALS: Final = re.compile(
    rb'[?$]\\?[(\[{)\]}"]|""".*?(?:"""|\Z)|"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL
)
"""Characters and strings, nearly enough: what they hold need not balance (ANSI codes: `"\\e["`).

Unclosed ones match to the end, or the search would try again from every quote.
"""
_BRACKETS: Final = b"([{)]}"
_STEPS: Final = bytes.maketrans(_BRACKETS, b"\x01\x01\x01\xff\xff\xff")
_OTHERS: Final = bytes(set(range(256)) - set(_BRACKETS))


def refuse_deep_brackets(source: bytes) -> None:
    """Raise NestedTooDeeply for brackets that only a machine could have nested.

    Costs one pass for nearly every file; literals are cut out only where it looks bad.
    """
    if _deepest(source) <= DEEPEST:
        return
    deepest = _deepest(_LITERALS.sub(b"", source))
    if deepest > DEEPEST:
        raise NestedTooDeeply(
            f"{deepest} brackets stand open at once, {DEEPEST} are allowed; people write far fewer"
        )


def _deepest(source: bytes) -> int:
    """Return how many brackets are open at once; 0 where there are too few to matter."""
    steps = source.translate(_STEPS, _OTHERS)
    if steps.count(b"\x01") <= DEEPEST:
        return 0
    import numpy as np

    return int(np.cumsum(np.frombuffer(steps, np.int8), dtype=np.int64).max())
