"""Texts that end an answer, and whether one has been written."""

from dataclasses import dataclass

UNFINISHED = "\ufffd"
"""What a character decodes to of which only the first bytes have been written."""


@dataclass(frozen=True, slots=True)
class Stops:
    """Texts of which the first one written ends an answer."""

    texts: tuple[str, ...] = ()
    skipped: str = ""
    """Characters that an answer may begin with, among which no stop is looked for."""

    def settled(self, text: str) -> bool:
        """Tell whether the end of an answer is known from what is written of it.

        It is not where a longer stop may have begun before the first one that is there whole.
        """
        text = text.rstrip(UNFINISHED).lstrip(self.skipped)
        first = min((at for stop in self.texts if (at := text.find(stop)) >= 0), default=-1)
        return first >= 0 and not any(may_begin(stop, text, first) for stop in self.texts)


def may_begin(stop: str, text: str, before: int) -> bool:
    """Tell whether a text ends with a part of a stop that begins before a place."""
    places = range(max(0, len(text) - len(stop) + 1), before)
    return any(stop.startswith(text[at:]) for at in places)
