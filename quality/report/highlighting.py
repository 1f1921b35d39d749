"""Syntax highlighting: the first lines of code with colours for comments, strings, atoms, names and
keywords. Nothing is executed.

Each language has one pattern, which is tried in order at every position. Code that no pattern
matches is shown without colour.
"""

import re
from typing import TypedDict

from markupsafe import Markup, escape

EXCERPT_LINES = 40
EXCERPT_COLUMNS = 160
KEYWORDS = {
    "elixir": (
        "def|defp|defmodule|defmacro|defmacrop|defstruct|defprotocol|defimpl|defdelegate|defguard"
        "|defexception|do|end|fn|case|cond|if|else|unless|with|for|when|and|or|not|in|use|import"
        "|alias|require|quote|unquote|raise|try|rescue|catch|after|receive|nil|true|false"
    ),
    "erlang": "fun|end|case|of|if|when|receive|after|try|catch|begin|andalso|orelse|not|div|rem",
}
COMMENTS = {"elixir": r"\#[^\n]*", "erlang": r"%[^\n]*"}
NAMES = {"elixir": r"\b[A-Z]\w*(?:\.[A-Z]\w*)*|@\w+", "erlang": r"\b[A-Z_]\w*|(?m:^-\w+)"}
ATOMS = {"elixir": r"(?<![:\w]):\w+[?!]?|\b\w+[?!]?:(?=\s)", "erlang": r"'[^'\n]*'"}
STRINGS = r'"""[\s\S]*?(?:"""|\Z)|"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)'


class Excerpt(TypedDict):
    """The beginning of a text, and how many lines follow it."""

    excerpt: str
    lines_left_out: int


def excerpt(text: str) -> Excerpt:
    """Cut a text to lines and columns that fit a page, and count the lines that were left out."""
    lines = text.splitlines()
    shown = [_narrow(line) for line in lines[:EXCERPT_LINES]]
    return {"excerpt": "\n".join(shown), "lines_left_out": max(0, len(lines) - EXCERPT_LINES)}


def _narrow(line: str) -> str:
    return line if len(line) <= EXCERPT_COLUMNS else f"{line[: EXCERPT_COLUMNS - 1]}…"


def _pattern(language: str) -> re.Pattern[str]:
    groups = {
        "c": COMMENTS[language],
        "s": STRINGS,
        "t": ATOMS[language],
        "n": NAMES[language],
        "k": rf"\b(?:{KEYWORDS[language]})\b(?!:)",
    }
    return re.compile("|".join(f"(?P<{name}>{text})" for name, text in groups.items()))


PATTERNS = {language: _pattern(language) for language in KEYWORDS}


def highlight(code: str, language: str) -> Markup:
    """Return code as HTML with an element around everything that has a colour."""
    pattern = PATTERNS.get(language)
    if pattern is None:
        return escape(code)
    pieces, position = [], 0
    for match in pattern.finditer(code):
        pieces.append(escape(code[position : match.start()]))
        pieces.append(Markup('<i class="{}">{}</i>').format(match.lastgroup, match[0]))
        position = match.end()
    return Markup("").join([*pieces, escape(code[position:])])
