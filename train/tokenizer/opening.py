"""Finding a tokenizer, in a folder or by its name on the Hub, and whether its two forms agree."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from train.errors import TrainError
from train.tokenizer.interface import Ids, Tokenizer


class NoTokenizer(TrainError):
    """There are no tokenizer files where they were looked for."""

    def __init__(self, place: Path | str) -> None:
        super().__init__(
            f"{place}: neither tekken.json nor tokenizer.json here, so there is no tokenizer. "
            "Name the model's folder or its name on the Hub, or another tokenizer's "
            "in `model.tokenizer`."
        )


class TokenizerUnreachable(TrainError):
    """The Hub did not hand out the files."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"{name}: no such folder, and the Hub did not give its tokenizer: {reason} "
            "Check the name and the network, run `hf auth login` if access to the model is "
            "granted on request, or name a folder that has the files."
        )


TEKKEN_NAME = "tekken.json"
FILES = (
    TEKKEN_NAME,
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "SYSTEM_PROMPT.txt",
)
HUB_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")


def open_tokenizer(
    place: Path | str, revision: str = "", system_prompt: str | None = None
) -> Tokenizer:
    """Open a folder's tokenizer, tekken.json before tokenizer.json, or that of a Hub repository.

    `revision` is a commit, tag or branch on the Hub; empty takes its main branch. `system_prompt`
    is the recipe's setting of that name; None leaves chats as they are.

    Raises NoTokenizer, TokenizerUnreachable, DamagedTokenizer, UnsupportedTekken and
    UnusableSystemPrompt.
    """
    folder = locate(place, revision)
    system = None
    if system_prompt is not None:
        from train.tokenizer import conversation

        system = conversation.system_prompt(system_prompt, folder)
    if (folder / TEKKEN_NAME).is_file():
        from train.tokenizer.tekken import TekkenTokenizer

        return TekkenTokenizer(folder / TEKKEN_NAME, system)
    if (folder / "tokenizer.json").is_file():
        from train.tokenizer.huggingface import HuggingFaceTokenizer

        return HuggingFaceTokenizer(folder, system)
    raise NoTokenizer(place)


def locate(place: Path | str, revision: str = "") -> Path:
    """Return the folder itself, or where a Hub repository's tokenizer files were fetched to.

    Raises NoTokenizer for what is neither, and TokenizerUnreachable.
    """
    folder = Path(place)
    if folder.is_dir():
        return folder
    if isinstance(place, Path) or not HUB_NAME.fullmatch(place):
        raise NoTokenizer(place)
    return _fetched(place, revision)


def _fetched(name: str, revision: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        found = snapshot_download(name, revision=revision or None, allow_patterns=list(FILES))
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise TokenizerUnreachable(name, str(error).splitlines()[0]) from error
    return Path(found)


class TokenizersDisagree(TrainError):
    """The two forms of one tokenizer give different ids, so one of them is not the model's."""

    def __init__(self, folder: Path, differing: int, compared: int, example: str) -> None:
        super().__init__(
            f"{folder}: tekken.json and tokenizer.json give different ids for {differing} of "
            f"{compared} texts; {example}. One of them belongs to another model: "
            "fetch both again, or move the wrong one away."
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the ids of one text part; a form that has ended there has None."""

    text: int
    """The number of the text, from 0."""
    position: int
    """How many ids are alike before it."""
    tekken: int | None
    huggingface: int | None


def agreement(folder: Path, texts: Iterable[str]) -> list[Difference]:
    """Return the first difference of every text that tekken.json and tokenizer.json read otherwise.

    Raises DamagedTokenizer and UnsupportedTekken.
    """
    from train.tokenizer.huggingface import HuggingFaceTokenizer
    from train.tokenizer.tekken import TekkenTokenizer

    left, right = TekkenTokenizer(folder / TEKKEN_NAME), HuggingFaceTokenizer(folder)
    pairs = ((left.encode(text), right.encode(text)) for text in texts)
    found = (first_difference(number, *pair) for number, pair in enumerate(pairs))
    return [each for each in found if each is not None]


def check_agreement(folder: Path, texts: Iterable[str]) -> bool:
    """Compare both forms of a folder's tokenizer; return False where it has but one.

    Raises TokenizersDisagree, and as `agreement`.
    """
    if not all((folder / name).is_file() for name in (TEKKEN_NAME, "tokenizer.json")):
        return False
    listed = list(texts)
    if differences := agreement(folder, listed):
        first = differences[0]
        example = (
            f"text {first.text} parts after {first.position} ids, "
            f"with {first.tekken} against {first.huggingface}"
        )
        raise TokenizersDisagree(folder, len(differences), len(listed), example)
    return True


def first_difference(text: int, left: Ids, right: Ids) -> Difference | None:
    """Return where two arrays of ids part, or None if they are equal."""
    common = min(len(left), len(right))
    unlike = np.flatnonzero(left[:common] != right[:common])
    if not len(unlike) and len(left) == len(right):
        return None
    at = int(unlike[0]) if len(unlike) else common
    ids = [int(each[at]) if at < len(each) else None for each in (left, right)]
    return Difference(text, at, *ids)
