"""What a tokenizer hands to training: ids, and which of them carry loss."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import numpy.typing as npt

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
