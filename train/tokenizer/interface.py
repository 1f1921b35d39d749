"""What the trainer asks of a tokenizer, whoever made it."""

from collections.abc import Sequence
from typing import Protocol

from train.tokenizer.sample import Ids, Message, Sample


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
