"""Mistral's Tekken, from a tekken.json: no network, no other file.

mistral-common reads the file; the chats are put together here, because its own encoding does not
tell which tokens are an answer's. That both give the same ids is what the tests compare.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from train.errors import TrainError
from train.tokenizer.conversation import CheckedChat, answered, asked, with_system
from train.tokenizer.infilling import short_pieces, suffix_first
from train.tokenizer.interface import (
    DamagedTokenizer,
    Ids,
    InfillingUnsupported,
    Message,
    Sample,
    sample_of,
    special,
    told,
)

if TYPE_CHECKING:
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer


class UnsupportedTekken(TrainError):
    """A version of Tekken whose chats are not known here."""

    def __init__(self, path: Path, version: str, known: str) -> None:
        super().__init__(
            f"{path}: Tekken version {version}, but only {known} are known here. "
            "Move the file away where a tokenizer.json with a chat template stands beside it."
        )


FORMAT = b"tekken 1\n"
"""Raise the number when other ids come out of the same file."""
SYSTEM_IN_LAST_QUESTION = ("v3",)
SYSTEM_OF_ITS_OWN = ("v7", "v11", "v13")
"""Tekken versions by where the system message goes. Devstral Small 2505 and those after it are of
v7 or later; without tools those three render alike. What mistral-common ships is a v3."""
KNOWN = (*SYSTEM_IN_LAST_QUESTION, *SYSTEM_OF_ITS_OWN)
MARKS = ("[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[SUFFIX]", "[PREFIX]")
LONGEST = 500_000
"""Characters that are encoded at once: tiktoken panics at a million spaces in a row."""


class TekkenTokenizer:
    """A Tekken file's tokenizer; see `train.tokenizer.interface.Tokenizer`."""

    def __init__(self, path: Path, system: str | None = None) -> None:
        """Read a tekken.json of 20 MB, in about a second.

        Raises DamagedTokenizer and UnsupportedTekken.
        """
        tekken = _read(path)
        self.system = system
        self.identity = hashlib.sha256(FORMAT + path.read_bytes() + told(system)).hexdigest()
        self.version = str(tekken.version.value)
        if self.version not in KNOWN:
            raise UnsupportedTekken(path, self.version, ", ".join(KNOWN))
        self.vocabulary: int = tekken.n_words
        self.bos: int = tekken.bos_id
        self.eos: int = tekken.eos_id
        self.pad: int = tekken.pad_id
        self.path = path
        self._special = _special(tekken)
        self._offset: int = tekken.num_special_tokens
        # Tekkenizer's own encode copies every id in Python, which takes half of its time.
        self._model = tekken._model
        self._tekken = tekken
        self._infilling = suffix_first(self.encode, self._special, self.bos, self.eos)

    @property
    def pattern(self) -> str:
        """The regular expression that cuts text into what is merged apart."""
        return str(self._model._pat_str)

    @property
    def ranks(self) -> dict[bytes, int]:
        """The bytes of every token that is not special; merges are taken in this order."""
        ranks: dict[bytes, int] = self._model._mergeable_ranks
        return ranks

    @property
    def special_names(self) -> list[str]:
        """The names of the special tokens, whose ids come first."""
        return [self._tekken.id_to_piece(number) for number in range(self._offset)]

    def encode(self, text: str) -> Ids:
        """Return the ids of a text, none of them special even where the text spells one."""
        if len(text) > LONGEST:
            return np.concatenate([self.encode(piece) for piece in short_pieces(text, LONGEST)])
        return np.array(self._model.encode_ordinary(text), dtype=np.int32) + self._offset

    def decode(self, ids: Sequence[int] | Ids) -> str:
        """Return the text that ids stand for; special ones stand for none."""
        numbers = np.asarray(ids, dtype=np.int64) - self._offset
        text: str = self._model.decode(numbers[numbers >= 0].tolist())
        return text

    def document(self, text: str) -> Sample:
        """Return bos, text, eos; all but the first token carry loss."""
        return sample_of(
            [(special(self.bos), False), (self.encode(text), True), (special(self.eos), True)]
        )

    def infilling(self, text: str, seed: int) -> Sample | None:
        """Return the text with a middle moved to its end; None if short, or without the tokens."""
        return None if self._infilling is None else self._infilling.sample(text, seed)

    def infilling_prompt(self, prefix: str, suffix: str) -> Ids:
        """Return what a middle is asked for with.

        mistral-common separates a suffix's first character from the rest where that is a sign such
        as `@`; here it is encoded as in a document. Raises InfillingUnsupported.
        """
        if self._infilling is None:
            raise InfillingUnsupported(self.path.parent)
        return self._infilling.prompt(prefix, suffix)

    def conversation(self, messages: Sequence[Message]) -> Sample:
        """Return a chat that ends with an answer; only answers and their eos carry loss.

        Raises MalformedConversation.
        """
        return sample_of(self._pieces(answered(with_system(messages, self.system))))

    def prompt(self, messages: Sequence[Message]) -> Ids:
        """Return a chat that ends where the assistant begins. Raises MalformedConversation."""
        return sample_of(self._pieces(asked(with_system(messages, self.system)))).ids

    def _pieces(self, chat: CheckedChat) -> Iterator[tuple[Ids, bool]]:
        yield special(self.bos), False
        turns = list(chat.turns)
        if chat.system is not None:
            if self.version in SYSTEM_OF_ITS_OWN:
                yield self._between("[SYSTEM_PROMPT]", chat.system, "[/SYSTEM_PROMPT]"), False
            elif chat.system:
                last = (len(turns) - 1) // 2 * 2
                turns[last] = f"{chat.system}\n\n{turns[last]}"
        for number, content in enumerate(turns):
            if number % 2:
                yield self.encode(content.rstrip(" ")), True
                yield special(self.eos), True
            else:
                yield self._between("[INST]", content, "[/INST]"), False

    def _between(self, begin: str, text: str, end: str) -> Ids:
        ends = special(self._special[begin], self._special[end])
        return np.concatenate([ends[:1], self.encode(text), ends[1:]])


def _read(path: Path) -> "Tekkenizer":
    """Return mistral-common's Tekkenizer, whose checks are assertions."""
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer

    try:
        return Tekkenizer.from_file(path)
    except (AssertionError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise DamagedTokenizer(
            path, f"not a Tekken file: {type(error).__name__} {error}"
        ) from error


def _special(tekken: "Tekkenizer") -> dict[str, int]:
    """Return the ids of the marks that the file has."""
    return {mark: tekken.get_special_token(mark) for mark in MARKS if tekken.is_special(mark)}
