"""What the trainer asks of a tokenizer, whoever made it: ids, and which of them carry loss."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from train.errors import TrainError
from train.tokenizer.infilling import cut

Ids = npt.NDArray[np.int32]
"""Token ids, one-dimensional."""
Flags = npt.NDArray[np.bool_]


class Message(TypedDict):
    """One message of a conversation; `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One text as the model sees it."""

    ids: Ids
    """Special tokens included."""
    targets: Flags
    """Which of `ids` carry loss, as long as it. The first never does: nothing predicts it."""


def special(*ids: int) -> Ids:
    """Return ids that stand for no text as an array."""
    return np.array(ids, dtype=np.int32)


def told(system: str | None) -> bytes:
    """Return what a system message adds to a tokenizer's identity."""
    return b"" if system is None else b"\nsystem\n" + system.encode()


def sample_of(pieces: Iterable[tuple[Ids, bool]]) -> Sample:
    """Join pieces, each with whether it carries loss."""
    listed = list(pieces)
    ids = np.concatenate([piece for piece, _ in listed])
    targets = np.concatenate([np.full(len(piece), target) for piece, target in listed])
    targets[:1] = False
    return Sample(ids, targets)


def alike(first: Sequence[object], second: Sequence[object]) -> int:
    """Return how many items two sequences have in common before they part."""
    pairs = zip(first, second, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


class DamagedTokenizer(TrainError):
    """A tokenizer's file cannot be read, or lacks something that training needs."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}. Fetch the tokenizer's files again.")


class InfillingUnsupported(TrainError):
    """The tokenizer has no tokens that mark prefix and suffix."""

    def __init__(self, place: Path) -> None:
        super().__init__(
            f"{place}: no [SUFFIX] and [PREFIX] tokens, so nothing can be filled in. "
            "Set `data.infilling_rate` to 0 and leave infilling out of the evaluation."
        )


class MalformedConversation(TrainError):
    """Messages that are no chat: a wrong role, or an empty answer."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"Not a conversation: {reason}. It is at most one system message, then user and "
            "assistant by turns."
        )


class ToolTurns(MalformedConversation):
    """A chat in which tools are called."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}, and only chats without tools are trained on")


class Tokenizer(ABC):
    """Text to ids and back, and the three shapes in which text is trained on."""

    identity: str
    """SHA-256 over all that determines its ids, hexadecimal; equal ones may share a cache."""
    system: str | None
    """The system message of chats that have none, part of the identity."""
    folder: Path
    """Where its files are."""
    vocabulary: int
    """How many ids there are, special ones included."""
    specials: Mapping[str, int]
    """Ids of special tokens by their names."""
    bos: int | None
    """What every text begins with, where the model is used to such a token."""
    eos: int
    """What every text and every answer ends with."""
    pad: int
    """What fills the rest of a row; carries no loss and is attended to by nothing."""

    @abstractmethod
    def encode(self, text: str) -> Ids:
        """Return the ids of a text, none of them special even where the text spells one."""

    @abstractmethod
    def decode(self, ids: Sequence[int] | Ids) -> str:
        """Return the text that ids stand for; special ones stand for none."""

    @abstractmethod
    def conversation(self, messages: Sequence[Message]) -> Sample:
        """Return a chat that ends with an answer; only answers and their eos carry loss.

        Raises MalformedConversation, and UnusableTemplate where a template cannot render it.
        """

    @abstractmethod
    def prompt(self, messages: Sequence[Message]) -> Ids:
        """Return a chat that ends where the assistant begins. Raises as `conversation`."""

    def document(self, text: str) -> Sample:
        """Return bos, text, eos; all but the first token carry loss."""
        start = special() if self.bos is None else special(self.bos)
        return sample_of([(start, False), (self.encode(text), True), (special(self.eos), True)])

    def infilling(self, text: str, seed: int) -> Sample | None:
        """Return the text with a middle cut out and moved to its end (Bavarian et al. 2022).

        The same seed cuts at the same place. None where the text has too few lines, or where the
        tokenizer has no tokens to mark the parts with.
        """
        parts = cut(text, seed) if self._marks_infilling() else None
        if parts is None:
            return None
        prefix, middle, suffix = parts
        answer = [(self.encode(middle), True), (special(self.eos), True)]
        return sample_of([*self._suffix_first(prefix, suffix), *answer])

    def infilling_prompt(self, prefix: str, suffix: str) -> Ids:
        """Return what a middle is asked for with. Raises InfillingUnsupported.

        mistral-common separates a suffix's first character from the rest where that is a sign such
        as `@`; here it is encoded as in a document.
        """
        if not self._marks_infilling():
            raise InfillingUnsupported(self.folder)
        return sample_of(self._suffix_first(prefix, suffix)).ids

    def _marks_infilling(self) -> bool:
        return "[SUFFIX]" in self.specials and "[PREFIX]" in self.specials

    def _suffix_first(self, prefix: str, suffix: str) -> list[tuple[Ids, bool]]:
        start = () if self.bos is None else (self.bos,)
        return [
            (special(*start, self.specials["[SUFFIX]"]), False),
            (self.encode(suffix), True),
            (special(self.specials["[PREFIX]"]), False),
            (self.encode(prefix), True),
        ]
