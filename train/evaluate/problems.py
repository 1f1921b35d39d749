"""A problem: what a model is asked, how its answer becomes a program, and what decides."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from train.tokenizer.interface import Message

FENCED = re.compile(
    r"""
    ^(?P<indent>[ \t]*) (?P<fence>`{3,}|~{3,}) [ ]* \{?\.?(?P<language>\w*) [^\n`]* \n
    (?P<text>.*?)
    (?: ^(?:(?P=indent))? (?P<end>(?P=fence)[`~]*) [ \t\r]*$ | \Z )
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
"""A block as CommonMark fences it, up to the end where it was cut off. A fence in a moduledoc is
deeper than that of the block around it, and so does not end it."""
ELIXIR = {"", "elixir", "ex", "exs"}
MODULE = re.compile(r"^[ \t]*def(?:module|protocol|impl)\b", re.MULTILINE)
BESIDE = re.compile(r"^[ \t]*use (?:ExUnit\.Case|Mix\.Project)\b", re.MULTILINE)
"""Found in what an answer adds to its program: tests of its own, a mix.exs."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Either a text to be continued or a question to be answered."""

    text: str = ""
    question: str = ""
    """Set where `text` is empty: the user's message of a conversation."""
    stop: tuple[str, ...] = ()
    """The completion ends before the first of these; the part from there on is not part of it."""

    @property
    def messages(self) -> list[Message]:
        """The conversation for a chat model; empty for a text to be continued."""
        return [Message(role="user", content=self.question)] if self.question else []

    def cut(self, completion: str) -> str:
        """Return the completion up to the first stop, for completers that run past it."""
        ends = [at for stop in self.stop if (at := completion.find(stop)) >= 0]
        return completion[: min(ends, default=len(completion))]


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One task of a benchmark, executed with ExUnit."""

    identity: str
    """Unique over all sources: the source, a slash, the name there."""
    source: str
    prompt: Prompt
    before: str = ""
    """Source text before the completion; for a prompt to be continued, usually the prompt."""
    after: str = ""
    """Source text after it."""
    package: str = ""
    """The held-out package that it was cut from, if it was."""
    path: str = "lib/completed.ex"
    """Where before + completion + after is written and compiled, in the scratch folder."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Sources compiled together with it, by path."""
    assets: Mapping[str, bytes] = field(default_factory=dict)
    """Files that the program or its tests read, by path."""
    tests: Mapping[str, str]
    """Files with ExUnit cases, loaded once everything has compiled."""
    reference: str | None = None
    """A completion that is known to be right."""
    requires: str = ""
    """The Elixir version it needs, as mix.exs writes requirements; empty for any."""

    def program(self, completion: str) -> str:
        """Return the source text that a completion stands for.

        Of an answer to a question only its code counts, where it is fenced.
        """
        if self.prompt.question:
            completion = code_of(completion)
        return self.before + self.prompt.cut(completion) + self.after


def code_of(answer: str) -> str:
    """Return the fenced blocks of an answer that define modules, joined in their order.

    A module that is defined again is then the later one. Blocks of nothing but tests or a mix.exs
    are left out, and so is one that was cut off behind whole ones. Without a module it is the
    longest block of Elixir, and without a block the whole answer.
    """
    found = [each for each in FENCED.finditer(answer) if each["language"].lower() in ELIXIR]
    modules = [each for each in found if MODULE.search(each["text"])]
    others = [
        each
        for each in modules
        if len(MODULE.findall(each["text"])) > len(BESIDE.findall(each["text"]))
    ]
    program = others or modules
    whole = [each for each in program if each["end"]] or program
    longest = max((each["text"] for each in found), key=len, default=answer)
    return "\n".join(each["text"] for each in whole) or longest
