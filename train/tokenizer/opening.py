"""Finding a tokenizer: in a folder, or by its name on the Hub."""

import re
from pathlib import Path

from train.tokenizer.errors import NoTokenizer, TokenizerUnreachable
from train.tokenizer.interface import Tokenizer

TEKKEN_NAME = "tekken.json"
FILES = ("tekken.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
HUB_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")


def open_tokenizer(place: Path | str, revision: str = "") -> Tokenizer:
    """Open a folder's tokenizer, tekken.json before tokenizer.json, or that of a Hub repository.

    `revision` is a commit, tag or branch on the Hub; empty takes its main branch.

    Raises NoTokenizer, TokenizerUnreachable, DamagedTokenizer and UnsupportedTekken.
    """
    folder = locate(place, revision)
    if (folder / TEKKEN_NAME).is_file():
        from train.tokenizer.tekken import TekkenTokenizer

        return TekkenTokenizer(folder / TEKKEN_NAME)
    if (folder / "tokenizer.json").is_file():
        from train.tokenizer.huggingface import HuggingFaceTokenizer

        return HuggingFaceTokenizer(folder)
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
