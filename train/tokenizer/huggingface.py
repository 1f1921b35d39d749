"""Any tokenizer that has a tokenizer.json, through the library that made it, and its chat template.

transformers is asked for one thing, to render templates: its own tokenizers encode at two thirds
of the speed of what lies under them.
"""

import hashlib
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from typing_extensions import override

from train.tokenizer.conversation import (
    CONFIG_NAME,
    TEMPLATE_NAME,
    ChatTemplate,
    NoChatTemplate,
    UnusableTemplate,
    chat_of,
    read_config,
    special_tokens,
    template_of,
    with_system,
)
from train.tokenizer.interface import (
    DamagedTokenizer,
    Ids,
    MalformedConversation,
    Message,
    Sample,
    Tokenizer,
    special,
    told,
)

if TYPE_CHECKING:
    import tokenizers

FORMAT = b"huggingface 1\n"
"""Raise the number when other ids come out of the same files."""
TOKENIZER_NAME = "tokenizer.json"
FILES = (TOKENIZER_NAME, CONFIG_NAME, TEMPLATE_NAME)
PRIVATE_USE = range(0xE000, 0xF900)
"""Code points without a meaning, of which one keeps text from being read as a special token."""


class HuggingFaceTokenizer(Tokenizer):
    """A tokenizer.json's tokenizer."""

    def __init__(self, folder: Path, system: str | None = None) -> None:
        """Read tokenizer.json and, if there, tokenizer_config.json. Raises DamagedTokenizer."""
        self.folder = folder
        self._model = _read(folder / TOKENIZER_NAME)
        self._found = template_of(folder)  # now: the folder may be gone when a chat is rendered
        names = special_tokens(read_config(folder))
        self.specials: dict[str, int] = {
            token.content: number
            for number, token in self._model.get_added_tokens_decoder().items()
            if token.special
        }
        self.system = system
        self.identity = _identity(folder, system)
        self.vocabulary: int = self._model.get_vocab_size(with_added_tokens=True)
        eos = self.specials.get(names.get("eos_token", ""))
        if eos is None:
            path = folder / CONFIG_NAME
            raise DamagedTokenizer(path, "it names no eos_token that tokenizer.json has")
        self.eos = eos
        self.bos = self._beginning(self.specials.get(names.get("bos_token", "")))
        self.pad = self.specials.get(names.get("pad_token", ""), eos)

    @override
    def encode(self, text: str) -> Ids:
        return self._ids(text, recognise=False)

    @override
    def decode(self, ids: Sequence[int] | Ids) -> str:
        text: str = self._model.decode(np.asarray(ids).tolist(), skip_special_tokens=True)
        return text

    @override
    def conversation(self, messages: Sequence[Message]) -> Sample:
        """Return a chat that ends with an answer; only answers and what ends them carry loss.

        Where an answer lies is found by rendering the chat up to its beginning and up to its end,
        each of which has to come out as a beginning of the whole, id by id.

        Raises MalformedConversation, NoChatTemplate and UnusableTemplate.
        """
        messages = with_system(messages, self.system)
        chat_of(messages, "assistant")
        ids = self._rendered(messages, answer_follows=False)
        targets = np.zeros(len(ids), dtype=np.bool_)
        for number, message in enumerate(messages):
            if message["role"] == "assistant":
                begin = self._length_of_beginning(ids, messages[:number], answer_follows=True)
                end = self._length_of_beginning(ids, messages[: number + 1], answer_follows=False)
                targets[begin : begin + self._length_of_answer(ids[begin:end])] = True
        return Sample(ids, targets)

    @override
    def prompt(self, messages: Sequence[Message]) -> Ids:
        messages = with_system(messages, self.system)
        chat_of(messages, "user")
        return self._rendered(messages, answer_follows=True)

    def _length_of_beginning(
        self, whole: Ids, messages: Sequence[Message], answer_follows: bool
    ) -> int:
        ids = self._rendered(messages, answer_follows)
        if not np.array_equal(whole[: len(ids)], ids):
            raise UnusableTemplate(
                self._template.path,
                f"the first {len(messages)} messages of a chat render otherwise than as its "
                "beginning, so its answers cannot be told apart",
            )
        return len(ids)

    def _length_of_answer(self, ids: Ids) -> int:
        """Leave out what stands after the last special token: a line end, as a rule."""
        found = np.flatnonzero(np.isin(ids, list(self.specials.values())))
        return int(found[-1]) + 1 if len(found) else len(ids)

    def _rendered(self, messages: Sequence[Message], answer_follows: bool) -> Ids:
        if not any(self._spelled.search(message["content"]) for message in messages):
            return self._ids(self._template.render(messages, answer_follows), recognise=True)
        guard = _unused(messages)

        def as_text(found: re.Match[str]) -> str:
            return found[0][:1] + guard + found[0][1:]

        guarded = [
            Message(role=each["role"], content=self._spelled.sub(as_text, each["content"]))
            for each in messages
        ]
        rendered = self._template.render(guarded, answer_follows)
        return np.concatenate(
            [
                special(self.specials[part]) if number % 2 else self.encode(part.replace(guard, ""))
                for number, part in enumerate(self._spelled.split(rendered))
            ]
        )

    def _ids(self, text: str, recognise: bool) -> Ids:
        """Encode, with special tokens read from the text where it may be trusted to name them."""
        self._model.encode_special_tokens = not recognise
        # One text at a time, but by the call that leaves out where in the text each token stood.
        encoded = self._model.encode_batch_fast([text], add_special_tokens=False)[0]
        return np.array(encoded.ids, dtype=np.int32)

    @property
    def _template(self) -> ChatTemplate:
        if self._found is None:
            raise NoChatTemplate(self.folder)
        return self._found

    @cached_property
    def _spelled(self) -> re.Pattern[str]:
        longest_first = sorted(self.specials, key=len, reverse=True)
        return re.compile(f"({'|'.join(map(re.escape, longest_first))})")

    def _beginning(self, bos: int | None) -> int | None:
        """Return bos where it is put first by the tokenizer or its template.

        Some name a bos_token that nothing ever begins with.
        """
        names_bos = self._found is not None and "bos_token" in self._found.text
        return bos if names_bos or self._model.encode("a").ids[:1] == [bos] else None


def _read(path: Path) -> "tokenizers.Tokenizer":
    import tokenizers

    try:
        model = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises no narrower one
        raise DamagedTokenizer(path, f"not a tokenizer: {error}") from error
    model.no_truncation()
    model.no_padding()
    return model


def _identity(folder: Path, system: str | None) -> str:
    digest = hashlib.sha256(FORMAT)
    for name in FILES:
        data = (folder / name).read_bytes() if (folder / name).is_file() else b""
        digest.update(b"%s %d\n" % (name.encode(), len(data)) + data)
    digest.update(told(system))
    return digest.hexdigest()


def _unused(messages: Sequence[Message]) -> str:
    """Return a character that no message has."""
    used = set("".join(message["content"] for message in messages))
    for code in PRIVATE_USE:
        if chr(code) not in used:
            return chr(code)
    raise MalformedConversation("its text uses all 6,400 private characters")
