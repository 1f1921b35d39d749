"""How much there is to find out in an answer, from its tree.

Branches, clauses with patterns, calls into libraries and state count; lines do not. The levels cut
the sum so that on the functions of Elixir each of the upper three has about a third, and the lowest
has what only passes a call on.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from tree_sitter import Node

from corpus.elixir import grammar
from corpus.elixir.repair import read

BRANCHES: Final = frozenset(
    {b"case", b"cond", b"if", b"unless", b"with", b"try", b"receive", b"for", b"fn"}
)
DEFINITIONS: Final = frozenset({b"def", b"defp", b"defmacro", b"defmacrop"})
STATE: Final = frozenset(
    {b"GenServer", b"Agent", b"Process", b"Task", b"Supervisor", b"Registry", b"Repo", b":ets"}
)
LOCAL_STATE: Final = frozenset({b"send", b"spawn", b"spawn_link", b"receive"})
COMMENT: Final = re.compile(rb"^\s*#.*\n?", re.MULTILINE)
GLUE_LINES: Final = 5
MOST_NODES: Final = 20_000
EASY, MEDIUM = 4.0, 9.0
"""Sums below which an answer is easy, and below which it is of medium difficulty."""


class Level(StrEnum):
    """How difficult an answer is."""

    GLUE = "glue"
    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"


def level_of(answer: str) -> Level:
    """Return the level of Elixir source. Raises Unparsable."""
    source = answer.encode()
    branches, clauses, patterns, calls, state = _counts(source, read(source).root)
    lines = sum(1 for line in COMMENT.sub(b"", source).splitlines() if line.strip())
    if lines <= GLUE_LINES and not branches and not state and clauses <= 1 and calls <= 2:
        return Level.GLUE
    score = branches + max(0, clauses - 1) + 0.5 * patterns + 0.4 * min(calls, 10) + state
    return Level.EASY if score < EASY else Level.MEDIUM if score < MEDIUM else Level.HARD


def _counts(source: bytes, root: Node) -> Sequence[int]:
    """Return branches, clauses, patterns, calls into other modules, and uses of state."""
    branches = clauses = patterns = calls = state = 0
    stack, left = [root], MOST_NODES
    while stack and left:
        left -= 1
        node = stack.pop()
        kind = node.kind_id
        if kind == grammar.CALL:
            target = node.named_children[0]
            word = source[target.start_byte : target.end_byte]
            if target.kind_id == grammar.DOT:
                calls += 1
                state += word.partition(b".")[0] in STATE
            elif word in DEFINITIONS:
                clauses += 1
            branches += word in BRANCHES
            state += word in LOCAL_STATE
        elif kind == grammar.STAB_CLAUSE:
            patterns += 1
        elif kind == grammar.MAP and b"|" in source[node.start_byte : node.end_byte]:
            state += 1
        stack.extend(node.named_children)
    return branches, clauses, patterns, calls, state
