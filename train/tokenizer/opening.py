"""Finding a tokenizer: in a folder, or by its name on the Hub."""

import re
from pathlib import Path

from train.tokenizer.errors import NoTokenizer, TokenizerUnreachable
from train.tokenizer.interface import Tokenizer

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
        from train.tokenizer import template

        system = template.system_prompt(system_prompt, folder)
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
