"""Finding a tokenizer, in a folder or by its name on the Hub, and whether its two forms agree."""

import re
from collections.abc import Iterable
from pathlib import Path

from train.errors import TrainError
from train.tokenizer.interface import Tokenizer, alike


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


def check_agreement(folder: Path, texts: Iterable[str]) -> bool:
    """Compare both forms of a folder's tokenizer; return False where it has but one.

    Raises TokenizersDisagree, DamagedTokenizer and UnsupportedTekken.
    """
    if not all((folder / name).is_file() for name in (TEKKEN_NAME, "tokenizer.json")):
        return False
    from train.tokenizer.huggingface import HuggingFaceTokenizer
    from train.tokenizer.tekken import TekkenTokenizer

    forms = TekkenTokenizer(folder / TEKKEN_NAME), HuggingFaceTokenizer(folder)
    pairs = [[form.encode(text).tolist() for form in forms] for text in texts]
    differing = [number for number, (left, right) in enumerate(pairs) if left != right]
    if differing:
        first = pairs[differing[0]]
        at = alike(*first)
        left, right = (ids[at] if at < len(ids) else None for ids in first)
        example = f"text {differing[0]} parts after {at} ids, with {left} against {right}"
        raise TokenizersDisagree(folder, len(differing), len(pairs), example)
    return True
