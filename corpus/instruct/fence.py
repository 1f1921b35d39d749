"""An answer as a fenced block of Markdown, and whether a question repeats it."""

import re

BACKTICKS = re.compile("`+")
SHORTEST_FENCE = 3
FENCED = re.compile(r"(`{3,})[^`\n]*\n(.*?)\n?\1", re.DOTALL)
SPACE = re.compile(r"\s+")


def fenced(source: str) -> str:
    """Return Elixir source as a fenced block of Markdown.

    Documentation in the source may contain fences. A fence ends only at one that is at least as
    long (CommonMark 0.31, section 4.5), so this one is longer than every run of backticks.
    """
    longest = max(map(len, BACKTICKS.findall(source)), default=0)
    fence = "`" * max(SHORTEST_FENCE, longest + 1)
    return f"{fence}elixir\n{source}\n{fence}"


def unfenced(answer: str) -> str:
    """Return the content of an answer that is one fenced block, or else the answer."""
    block = FENCED.fullmatch(answer.strip())
    return block[2] if block else answer


def repeats(question: str, source: str) -> bool:
    """Return whether a question contains all of `source`, ignoring blanks."""
    return SPACE.sub("", source) in SPACE.sub("", question)
