"""Mistral's Tekken, from a tekken.json: no network, no other file.

mistral-common reads the file; the chats are put together here, because its own encoding does not
tell which tokens are an answer's. That both give the same ids is what the tests compare.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from typing_extensions import override

from corpus.lines import short_pieces
from corpus.tokens import LONGEST
from train.errors import TrainError
from train.tokenizer.conversation import chat_of, with_system
from train.tokenizer.interface import (
    DamagedTokenizer,
    Ids,
    Message,
    Sample,
    Tokenizer,
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


class TekkenTokenizer(Tokenizer):
    """A Tekken file's tokenizer."""

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
        self.path, self.folder = path, path.parent
        self.specials = {
            mark: tekken.get_special_token(mark) for mark in MARKS if tekken.is_special(mark)
        }
        self._offset: int = tekken.num_special_tokens
        # Tekkenizer's own encode copies every id in Python, which takes half of its time.
        self._model = tekken._model
        self._tekken = tekken

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

    @override
    def encode(self, text: str) -> Ids:
        if len(text) > LONGEST:
            return np.concatenate([self.encode(piece) for piece in short_pieces(text, LONGEST)])
        return np.array(self._model.encode_ordinary(text), dtype=np.int32) + self._offset

    @override
    def decode(self, ids: Sequence[int] | Ids) -> str:
        numbers = np.asarray(ids, dtype=np.int64) - self._offset
        # An embedding may have more rows than there are tokens: theirs stand for nothing.
        named = (numbers >= 0) & (numbers < self.vocabulary - self._offset)
        text: str = self._model.decode(numbers[named].tolist())
        return text

    @override
    def conversation(self, messages: Sequence[Message]) -> Sample:
        return sample_of(self._pieces(*chat_of(with_system(messages, self.system), "assistant")))

    @override
    def prompt(self, messages: Sequence[Message]) -> Ids:
        return sample_of(self._pieces(*chat_of(with_system(messages, self.system), "user"))).ids

    def _pieces(self, system: str | None, turns: list[str]) -> Iterator[tuple[Ids, bool]]:
        yield special(self.bos), False
        if system is not None:
            if self.version in SYSTEM_OF_ITS_OWN:
                yield self._between("[SYSTEM_PROMPT]", system, "[/SYSTEM_PROMPT]"), False
            elif system:
                last = (len(turns) - 1) // 2 * 2
                turns[last] = f"{system}\n\n{turns[last]}"
        for number, content in enumerate(turns):
            if number % 2:
                yield self.encode(content.rstrip(" ")), True
                yield special(self.eos), True
            else:
                yield self._between("[INST]", content, "[/INST]"), False

    def _between(self, begin: str, text: str, end: str) -> Ids:
        ends = special(self.specials[begin], self.specials[end])
        return np.concatenate([ends[:1], self.encode(text), ends[1:]])


UNREADABLE = (AssertionError, AttributeError, KeyError, RecursionError, TypeError, ValueError)
"""What mistral-common raises for a file that is none of Tekken."""


def _read(path: Path) -> "Tekkenizer":
    """Return mistral-common's Tekkenizer, whose checks are assertions."""
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer

    try:
        tekken = Tekkenizer.from_file(path)
        _ = tekken.bos_id, tekken.eos_id, tekken.pad_id  # to raise where one is missing
    except UNREADABLE as error:
        raise DamagedTokenizer(
            path, f"not a Tekken file: {type(error).__name__} {error}"
        ) from error
    return tekken
