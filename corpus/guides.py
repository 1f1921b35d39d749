"""What a guide says in code: the fenced blocks of Markdown and Livebook, and whether they parse.

A block is checked if its language is one that this project reads; one with prompts of IEx or of the
Erlang shell is a session, of which the typed lines are checked.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from corpus import elixir, erlang
from corpus.extraction import MOST_FRAGMENTS, Extraction, Fragment
from corpus.markdown import Block, blocks
from corpus.parsing import NestedTooDeeply, Unparsable

NAMES: Final = {
    **dict.fromkeys(("elixir", "ex", "exs", "iex"), "elixir"),
    **dict.fromkeys(("erlang", "erl", "erlang-repl"), "erlang"),
    "heex": "heex",
    **dict.fromkeys(("html+heex", "html-heex"), "heex"),
    **dict.fromkeys(("eex", "leex", "html+eex", "html+leex", "html-eex"), "eex"),
}
"""Languages that are read, by the first word behind a fence."""
_FIRST: Final = re.compile(rb"\A(?:[ \t]*(?:[#%][^\n]*)?\r?\n)+")
"""Blank lines and comments before the first line of code, which a session's prompt is in."""
LONGEST_NAME: Final = 40
"""Bytes of the first word behind a fence; a longer one names no language."""
PROMPTS: Final = {
    "elixir": re.compile(rb"^[ \t]*(?:iex|\.\.\.)(?:\([^()\s]{1,80}\))?[0-9]{0,6}>", re.MULTILINE),
    "erlang": re.compile(rb"^[ \t]*(?:\([^()\s]{1,80}\))?[0-9]{1,4}>", re.MULTILINE),
}


def extract(source: bytes) -> Extraction:
    """Read the code blocks of a guide, `MOST_FRAGMENTS` at most; any bytes are accepted."""
    fragments = list[Fragment]()
    for block in blocks(source):
        if len(fragments) == MOST_FRAGMENTS:
            break
        if block.text.strip():
            fragments.append(_fragment(block))
    return Extraction(0, (), (), (), 0, tuple(fragments))


def _fragment(block: Block) -> Fragment:
    name = language_of(block.info)
    language = NAMES.get(name or "", name)
    place = block.start_line, block.end_line, block.start_byte, block.end_byte
    kind, text = "block", block.text
    prompt = PROMPTS.get(language or "")
    if prompt is not None and prompt.match(_FIRST.sub(b"", text, count=1)):
        kind = "session"
        text = b"".join(
            line[found.end() :] for line in text.splitlines(True) if (found := prompt.match(line))
        )
    parsed = None
    try:
        if language == "elixir":
            parsed = elixir.parses(text)
        elif language == "erlang":
            parsed = any(erlang.parses(each) for each in _erlang_texts(text))
        elif language in TEMPLATES:
            (whole,) = TEMPLATES[language](text).fragments
            lines = tuple(
                each._replace(line=each.line + block.start_line - 1) for each in whole.components
            )
            return whole._replace(
                kind=kind,
                start_line=place[0],
                end_line=place[1],
                start_byte=place[2],
                end_byte=place[3],
                components=lines,
            )
    except (NestedTooDeeply, Unparsable):
        parsed = False
    return Fragment(kind, language, None, None, *place, parsed)


def _erlang_texts(text: bytes) -> Iterator[bytes]:
    """Yield what a piece of Erlang can be: forms, or the body of a function, with its full stop."""
    yield text
    yield b"f() ->\n" + text
    yield b"f() ->\n%b\n." % text


TEMPLATES: Final[dict[str | None, Callable[[bytes], Extraction]]] = {
    "heex": elixir.extract_heex,
    "eex": elixir.extract_eex,
}


def language_of(info: bytes) -> str | None:
    """Return the language that an info string names, in lower case, or None."""
    words = info.split(maxsplit=1)
    if not words or len(words[0]) > LONGEST_NAME:
        return None
    name = words[0].decode("utf-8", "replace").lower()
    return name.strip("{}.").split(",")[0] or None
