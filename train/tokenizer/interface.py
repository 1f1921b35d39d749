"""What the trainer asks of a tokenizer, whoever made it: ids, and which of them carry loss."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypedDict

import numpy as np
import numpy.typing as npt

from train.errors import TrainError

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


class Tokenizer(Protocol):
    """Text to ids and back, and the three shapes in which text is trained on."""

    @property
    def identity(self) -> str:
        """SHA-256 over all that determines its ids, hexadecimal; equal ones may share a cache."""

    @property
    def system(self) -> str | None:
        """The system message of chats that have none, part of the identity."""

    @property
    def vocabulary(self) -> int:
        """How many ids there are, special ones included."""

    @property
    def bos(self) -> int | None:
        """What every text begins with, where the model is used to such a token."""

    @property
    def eos(self) -> int:
        """What every text and every answer ends with."""

    @property
    def pad(self) -> int:
        """What fills the rest of a row; carries no loss and is attended to by nothing."""

    def encode(self, text: str) -> Ids:
        """Return the ids of a text, none of them special even where the text spells one."""

    def decode(self, ids: Sequence[int] | Ids) -> str:
        """Return the text that ids stand for; special ones stand for none."""

    def document(self, text: str) -> Sample:
        """Return bos, text, eos; all but the first token carry loss."""

    def infilling(self, text: str, seed: int) -> Sample | None:
        """Return the text with a middle cut out and moved to its end (Bavarian et al. 2022).

        The same seed cuts at the same place. None where the text has too few lines, or where the
        tokenizer has no tokens to mark the parts with.
        """

    def infilling_prompt(self, prefix: str, suffix: str) -> Ids:
        """Return what a middle is asked for with. Raises InfillingUnsupported."""

    def conversation(self, messages: Sequence[Message]) -> Sample:
        """Return a chat that ends with an answer; only answers and their eos carry loss.

        Raises MalformedConversation, and UnusableTemplate where a template cannot render it.
        """

    def prompt(self, messages: Sequence[Message]) -> Ids:
        """Return a chat that ends where the assistant begins. Raises as `conversation`."""
