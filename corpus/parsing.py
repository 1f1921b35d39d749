"""One parse with tree-sitter, with limits of depth and CPU time."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from tree_sitter import Node, Parser, Tree

from corpus.errors import CorpusError

UNWATCHED: Final = 1 << 13
"""Below this size even quadratic time is at most four seconds (the worst case found is 20 to 54 ms
for the square of a kilobyte on two machines, in Erlang's `;?+`), less than half of the default
limit of a step on a file. The check of the time takes 2 percent.
"""
LOOK_EVERY: Final = 8
"""Number of calls by the parser between two checks of its time."""
LONE_RETURN: Final = re.compile(rb"\r(?!\n)")
"""The scanner of the Elixir grammar reads a whole run of them again for each; Erlang's compiler
accepts them as blanks, and Elixir's refuses them.
"""
BLANK_LINES: Final = re.compile(rb"\n(?:[ \t]*\r?\n){16,}")
"""The same scanner reads a whole run of blank lines again for each line with blanks. The scanner of
Erlang does not, so Erlang is not searched for them, which takes one percent of the parse.
"""
NEWLINE: Final = re.compile(rb"\r?\n")
MOST_NODES: Final = 200_000
"""Nodes that are read of one file for macros and processes; the rest of it is unknown. Elixir's own
kernel.ex needs 9,598, no other file of Elixir and 31 packages half of it."""
MOST_QUOTES: Final = 500
"""The scanner of the Erlang grammar reads a whole run of double quotes again for each pair."""


class NestedTooDeeply(CorpusError):
    """A file nests deeper than any code that people write; it is rejected as a whole."""


class Unparsable(CorpusError):
    """A parser cannot finish a file in reasonable time; the file is rejected."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ParseLimit:
    """CPU time for one file.

    Real code takes 0.1 to 0.2 s per megabyte; error recovery is quadratic on some hostile input.
    """

    seconds: float = 2.0
    seconds_a_megabyte: float = 4.0


class Allowance:
    """What may still be read of one file, in nodes; a search costs a node for 100 bytes."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MOST_NODES

    def spend(self, nodes: int = 1) -> bool:
        """Return whether something may be read, and count it."""
        self.left -= nodes
        return self.left >= 0


def parse(
    parser: Parser,
    source: bytes,
    limit: ParseLimit = ParseLimit(),
    *,
    rereads_blank_lines: bool = True,
) -> Tree:
    """Parse `source`; code that the parser cannot read is marked in the tree.

    Take the text of a node from the source, never from the node: for a large file, it would read
    freed memory. Raises Unparsable if the parser takes at least twenty times as long as for real
    code, or for an excessive run of quotes. The limit is in CPU time, so the load of the machine
    has no effect. It is not checked while one token is read, so reading untrusted files needs an
    additional budget (`corpus.supervision`).
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
        # Checked every hundred steps, which take at most 45 ms. Reading the CPU time is a system
        # call; reading the wall-clock time is not, but would still be most of the overhead.
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
    """Return whether a line ends with blanks; a search for one byte takes a third of the time of
    two.
    """
    if b" \n" in source:
        return True
    if b"\t" in source and (b"\t\n" in source or b"\t\r" in source):
        return True
    return b"\r" in source and b" \r" in source


def _newlines_first(run: re.Match[bytes]) -> bytes:
    """Put the newlines of a run before its blanks: later offsets and line numbers do not change."""
    newlines = b"".join(NEWLINE.findall(run[0]))
    return newlines + NEWLINE.sub(b"", run[0])


@contextmanager
def _reader(source: bytes) -> Iterator[Callable[[int, object], memoryview]]:
    """Yield the function through which tree-sitter reads `source`.

    The binding never frees the return value of the function (`parser_read_wrapper` in parser.c of
    py-tree-sitter 0.26), which leaked half of every large file. The value is therefore a view,
    which is released here.
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
    """Count error and missing nodes; only nodes that contain one are entered."""
    count, stack = 0, [root] if root.has_error else []
    while stack:
        node = stack.pop()
        if node.has_error or node.is_missing:
            count += node.is_error or node.is_missing
            stack.extend(node.children)
    return count


def unread_bytes(root: Node, source: bytes) -> int:
    """Count the bytes of the lines with code that the parser could not read, each line once."""
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
"""Maximum number of open brackets outside literals; the sources of Elixir and RabbitMQ are below
65.
"""

_LITERALS: Final = re.compile(
    rb'[?$]\\?[(\[{)\]}"]|""".*?(?:"""|\Z)|"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL
)
"""Characters and strings, approximately: brackets inside them need not balance (ANSI codes:
`"\\e["`).

An unclosed one matches to the end; otherwise the search would start again at every quote.
"""
_BRACKETS: Final = b"([{)]}"
_STEPS: Final = bytes.maketrans(_BRACKETS, b"\x01\x01\x01\xff\xff\xff")
_OTHERS: Final = bytes(set(range(256)) - set(_BRACKETS))


def refuse_deep_brackets(source: bytes) -> None:
    """Raise NestedTooDeeply for excessively nested brackets.

    It takes one pass for nearly every file; literals are removed only if the limit may be exceeded.
    """
    if _deepest(source) <= DEEPEST:
        return
    deepest = _deepest(_LITERALS.sub(b"", source))
    if deepest > DEEPEST:
        raise NestedTooDeeply(
            f"{deepest} brackets stand open at once, {DEEPEST} are allowed; people write far fewer"
        )


def _deepest(source: bytes) -> int:
    """Return the maximum number of open brackets; 0 if there are too few to matter."""
    steps = source.translate(_STEPS, _OTHERS)
    if steps.count(b"\x01") <= DEEPEST:
        return 0
    import numpy as np

    return int(np.cumsum(np.frombuffer(steps, np.int8), dtype=np.int64).max())
