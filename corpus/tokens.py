"""How many tokens a text is to the model: the tokens of Tekken, Mistral's vocabulary.

The vocabulary is the file that mistral-common ships. tiktoken, which mistral-common encodes with as
well, counts by itself: its numbers are the same, without a copy of every id in Python, which takes
half of the time (`python -m benchmarks.tokenizing`). Special tokens are not counted, and no text of
a document is one.
"""

import base64
import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.errors import CorpusError
from corpus.lines import short_pieces

if TYPE_CHECKING:
    from tiktoken import Encoding

VOCABULARY = "tekken_240911.json"
"""The file with 131,072 tokens, 1,000 of them special: that of Mistral's models since Nemo, and of
Devstral."""
SHA256 = "1948e2d48b0e7377f1bb5f1210f1ae5f984934e75713fc07e2452729b8365316"
"""Its digest: a count is a fact about this file, not about the version of a library."""
LONGEST = 500_000
"""Characters that are encoded at once: tiktoken panics at a million spaces in a row."""


class OtherVocabulary(CorpusError):
    """The installed mistral-common ships another vocabulary, or a damaged one."""

    def __init__(self, path: Path, found: str) -> None:
        super().__init__(
            f"{path}: sha256 is {found}, and tokens are counted with {SHA256}. Install the "
            "version of mistral-common that constraints.txt names."
        )


def count(texts: Iterable[str]) -> list[int]:
    """Return the number of tokens of each text. The first call in a process takes half a second.

    Raises OtherVocabulary, and OSError where the vocabulary cannot be read.
    """
    return [len(encode(text)) for text in texts]


def encode(text: str) -> list[int]:
    """Return the tokens of a text, from 0. The ids of a model are behind its special tokens.

    Of more than `LONGEST` characters, every line is encoded on its own. Raises what `count` does.
    """
    tokens = _tekken()
    if len(text) <= LONGEST:
        return tokens.encode_ordinary(text)
    return [one for piece in short_pieces(text, LONGEST) for one in tokens.encode_ordinary(piece)]


def bytes_of(token: int) -> bytes:
    """Return the bytes that a token stands for, which need not be whole characters."""
    return _tekken().decode_single_token_bytes(token)


@cache
def _tekken() -> "Encoding":
    import mistral_common

    return read_vocabulary(Path(mistral_common.__path__[0]) / "data" / VOCABULARY)


def read_vocabulary(path: Path) -> "Encoding":
    """Read the vocabulary, in half a second, into some 60 MB.

    Raises OtherVocabulary, and OSError.
    """
    import tiktoken

    data = path.read_bytes()
    if (found := hashlib.sha256(data).hexdigest()) != SHA256:
        raise OtherVocabulary(path, found)
    told = json.loads(data)
    config = told["config"]
    size = config["default_vocab_size"] - config["default_num_special_tokens"]
    return tiktoken.Encoding(
        Path(VOCABULARY).stem,
        pat_str=config["pattern"],
        mergeable_ranks={
            base64.b64decode(each["token_bytes"]): each["rank"] for each in told["vocab"][:size]
        },
        special_tokens={},
    )
