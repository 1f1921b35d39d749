"""EDoc: documentation in the comments above a function or a module.

Rules: EDoc's user guide and its reading of tags (edoc_tags:scan_lines/2). A comment on the next
line in the same column continues the comment before it. The text of a tag ends with the next tag or
with the comment. `@private` and `@hidden` mark the definition as hidden.
"""

import re
import textwrap
from collections.abc import Iterator
from typing import Final, NamedTuple

MARK: Final = re.compile(rb"@(?:doc|private|hidden)\b")
"""A text that every file with such documentation contains."""

_LETTER: Final = "A-Za-z\xc0-\xd6\xd8-\xf6\xf8-\xff"
_TAG: Final = re.compile(rf"[ \t]*(?:@([{_LETTER}_][{_LETTER}0-9_]*)(?:[ \t:]|$)|(TODO):)(.*)")
_NEXT_TAG: Final = re.compile(rf"[ \t]*(?:@[{_LETTER}]|TODO:)")
_RULE: Final = re.compile(r"[-=*~_#+\s]*")
"""A separator line, as below the last comment above a function."""


class Comment(NamedTuple):
    """One comment at the beginning of a line; byte ranges are half open."""

    row: int
    column: int
    start_byte: int
    end_byte: int


Documentation = tuple[str, str | None]
"""Its kind ("string", "hidden") and its text."""


def documentation(
    source: bytes, comments: list[Comment]
) -> tuple[Documentation, list[tuple[int, int]]] | None:
    """Return the documentation in comments, and the ranges of those with tags; None if there is
    none.

    Of several texts the last one, next to the code, is used.
    """
    docs, spans, is_hidden = list[str](), list[tuple[int, int]](), False
    for block in _blocks(comments):
        first, last = block[0].start_byte, block[-1].end_byte
        if source.find(b"@", first, last) < 0 and source.find(b"TODO:", first, last) < 0:
            continue
        tags = list(_tags([_text(source, each) for each in block]))
        if tags:
            spans += [(each.start_byte, each.end_byte) for each in block]
        is_hidden = is_hidden or any(name in ("private", "hidden") for name, _ in tags)
        docs += filter(None, (_joined(lines) for name, lines in tags if name == "doc"))
    if is_hidden:
        return ("hidden", None), spans
    return (("string", docs[-1]), spans) if docs else None


def _blocks(comments: list[Comment]) -> Iterator[list[Comment]]:
    block: list[Comment] = []
    for comment in comments:
        if block and (comment.row, comment.column) != (block[-1].row + 1, block[-1].column):
            yield block
            block = []
        block.append(comment)
    if block:
        yield block


def _text(source: bytes, comment: Comment) -> str:
    text = source[comment.start_byte : comment.end_byte].decode("utf-8", "replace")
    return text.lstrip("%").rstrip("\r")


def _tags(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the name and the lines of each tag; text before the first tag is ignored."""
    name: str | None = None
    texts: list[str] = []
    for line in lines:
        if name is not None and _NEXT_TAG.match(line) is None:
            texts.append(line)
            continue
        if name is not None:
            yield name, texts
            name = None
        tag = _TAG.match(line)
        if tag is not None:
            name, texts = tag[1] or tag[2], [tag[3]]
    if name is not None:
        yield name, texts


def _joined(lines: list[str]) -> str:
    while lines and _RULE.fullmatch(lines[-1]):
        lines.pop()
    if len(lines) < 2:
        return lines[0].strip() if lines else ""
    rest = textwrap.dedent("\n".join(lines[1:]))
    return f"{lines[0].strip()}\n{rest}".strip() if rest else lines[0].strip()
