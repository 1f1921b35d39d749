"""From a module with a hole to the statement that was there.

The hole is one statement of a block, from the start of its first line to the end of its last: what
the tree calls a child of a block, so that both sides of the hole are whole. Put in place of the
line with the comment, the answer gives the file again, byte by byte.
"""

import re
from collections.abc import Iterator
from functools import partial
from typing import Final

from tree_sitter import Node

from corpus.elixir import grammar
from corpus.instruct.answerable import LONGEST_MODULE, outer_directives
from corpus.instruct.configuration import InstructConfig
from corpus.instruct.draft import Candidate, Draft, Drafted, Kind, phrase
from corpus.instruct.left_out import Left
from corpus.instruct.material import Material, Package, line_start
from corpus.rows import ModuleRow

PHRASES: Final = (
    "Some code is missing where the comment `{comment}` stands. Write it.",
    "Fill in the code at `{comment}`.",
    "Replace the line `{comment}` by the code that belongs there.",
    "What belongs in place of `{comment}` in `{module}`?",
)
COMMENT: Final = "# FILL IN"
SHORTEST: Final = 60
LONGEST: Final = 1_500
SHORTEST_MODULE: Final = 400
PER_MODULE: Final = 2
LARGEST_SHARE: Final = 0.35
"""Of a module, what a hole may be of it: the rest has to tell what is missing."""
STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
QUOTES: Final = re.compile(r"\bquote\b")
MOST_TEXT: Final = 0.25
"""Share of the characters of an answer that may be in strings."""
MOST_NODES: Final = 50_000
BLOCKS: Final = frozenset({grammar.DO_BLOCK, grammar.ELSE}) | grammar.SECTIONS
DEFINES: Final = (b"def ", b"defp ", b"defmacro ", b"defmacrop ")
SKIPPED: Final = (
    *(b"@", b"if Code", b"alias ", b"import ", b"use ", b"require ", b"defmodule ", b"defstruct "),
)


def propose(package: Package, config: InstructConfig) -> list[Candidate]:
    """Return candidates for every module of a package that is short enough."""
    found = []
    for material in package.libraries:
        starts = material.line_starts
        for module in material.modules:
            start, end = starts[module["start_line"] - 1], starts[module["end_line"]] - 1
            fits = SHORTEST_MODULE <= end - start <= LONGEST_MODULE
            if module["kind"] == "defmodule" and fits:
                for number in range(PER_MODULE):
                    draft = partial(write, material, module, start, end)
                    place = (module["start_line"], number)
                    found.append(Candidate(material, module["name"], place, draft))
    return found


def write(material: Material, module: ModuleRow, start: int, end: int, id_: str) -> Drafted:
    """Draft the row of a module; the id chooses the hole."""
    text = material.text
    if COMMENT.encode() in text[start:end] or b"\r" in text[start:end]:
        return Left.NOT_PROVABLE
    found = statements(material.root, text, start, end)
    holes = sorted(hole for hole in found if hole[1] - hole[0] <= LARGEST_SHARE * (end - start))
    if not holes:
        return Left.TOO_SHORT
    first, last = holes[int(id_[8:16], 16) % len(holes)]
    middle = text[first:last]
    line = middle[: len(middle) - len(middle.lstrip())] + COMMENT.encode()
    shown = text[start:first] + line + text[last:end]
    if shown.replace(line, middle) != text[start:end]:
        return Left.NOT_PROVABLE
    outer = outer_directives(material, module)
    before = outer.encode() + text[start:first]
    task = phrase(PHRASES, id_).format(comment=COMMENT, module=module["name"])
    number = text.count(b"\n", 0, first) + 1
    return Draft(
        subject=f"{module['name']} line {number}",
        module=module["name"],
        question=f"{task}\n\n```elixir\n{outer}{shown.decode()}\n```",
        answer=middle.decode(),
        sources=(material,),
        whole=(before + text[first:end]).decode(),
        spans=((len(before), len(before) + len(middle)),),
    )


def statements(root: Node, text: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges of statements on lines of their own, in a range of bytes.

    They are definitions, and statements of their bodies that have several lines.
    """
    stack, left = [root], MOST_NODES
    while stack and left:
        left -= 1
        node = stack.pop()
        if node.end_byte <= start or node.start_byte >= end:
            continue
        stack.extend(node.named_children)
        if node.kind_id not in BLOCKS:
            continue
        for child in node.named_children:
            first, last = line_start(text, child.start_byte), child.end_byte
            code = text[child.start_byte : last]
            is_line = first != child.start_byte and text[last : last + 1] == b"\n"
            if not is_line or not SHORTEST <= len(code) <= LONGEST or first < start:
                continue
            if child.kind_id == grammar.COMMENT or code.startswith(SKIPPED):
                continue
            if b"\n" in code or code.startswith(DEFINES):
                yield first, last


def is_prose(draft: Draft) -> Left | None:
    """Refuse an answer that is mostly text, or code for other modules, which nobody can guess."""
    strings = sum(map(len, STRING.findall(draft.answer)))
    is_text = '"""' in draft.answer or strings > MOST_TEXT * len(draft.answer)
    return Left.TRIVIAL if is_text or QUOTES.search(draft.answer) else None


KIND: Final = Kind(
    name="fill_in_the_middle",
    given="a module with a comment in place of one statement, a definition or one in its body",
    answer="the statement with its indentation",
    phrases=PHRASES,
    propose=propose,
    filters=(is_prose,),
)
