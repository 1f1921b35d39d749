"""Which of several patterns may match a text, decided in one pass over it.

Most rules that read source code find nothing in most files. A screen excludes them at 2 to 4 GB/s
for a pattern, with Hyperscan (Wang et al., NSDI 2019), whose automata are linear in the text
whatever it holds. What it does not exclude is then read with the patterns of the rule itself, so a
screen may report too much, but never too little.
"""

import re
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hyperscan import Database

SPACE = rb"[ \t\n\r\f\x0b]"
r"""What `\s` is for Python in bytes. Here `\s` and `\v` are classes of PCRE, with the byte 0x85."""


class Screen:
    r"""Patterns by name, in the syntax that Hyperscan has in common with `re`: no assertions but
    `\b`, and no back-references. Bytes are compared as `re` compares them, without Unicode.

    Calling it with a text returns the names of the patterns that match somewhere in it. Each thread
    that uses a screen compiles it once; all of this project take 0.2 s of CPU time. Raises
    hyperscan.CompilerError for a pattern that is none.
    """

    def __init__(self, patterns: Mapping[str, bytes]) -> None:
        """Keep the patterns; they are compiled when a text is read first."""
        self._names = tuple(patterns)
        self._patterns = tuple(patterns.values())
        self._compiled = threading.local()

    def __call__(self, text: bytes) -> set[str]:
        """Return the names of the patterns that match."""
        found: set[str] = set()
        names = self._names

        def report(number: int, start: int, end: int, flags: int, context: object) -> None:
            found.add(names[number])

        self._database().scan(text, match_event_handler=report)
        return found

    def _database(self) -> "Database":
        database: Database | None = getattr(self._compiled, "database", None)
        if database is None:
            import hyperscan

            flags = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_DOTALL
            database = self._compiled.database = _compiled(self._patterns, flags)
        return database


class Words:
    """Where some words stand in a text, found in one pass over it.

    Seventeen words take a fifth of the time of a search for each. Each thread compiles them once.
    """

    def __init__(self, words: Sequence[bytes]) -> None:
        """Keep the words; they are compiled when a text is read first."""
        self._words = tuple(words)
        self._lengths = tuple(map(len, words))
        self._compiled = threading.local()

    def __call__(self, text: bytes) -> list[tuple[int, int]]:
        """Return the offset and the number of the word, sorted; one word may overlap others."""
        found: list[tuple[int, int]] = []
        lengths = self._lengths

        def report(number: int, start: int, end: int, flags: int, context: object) -> None:
            found.append((end - lengths[number], number))

        self._database().scan(text, match_event_handler=report)
        found.sort()
        return found

    def _database(self) -> "Database":
        database: Database | None = getattr(self._compiled, "database", None)
        if database is None:
            patterns = [re.escape(word) for word in self._words]
            database = self._compiled.database = _compiled(patterns, 0)
        return database


def _compiled(patterns: Sequence[bytes], flags: int) -> "Database":
    import hyperscan

    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=list(patterns),
        ids=list(range(len(patterns))),
        elements=len(patterns),
        flags=[flags] * len(patterns),
    )
    return database
