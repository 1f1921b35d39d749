"""What stands beside the weights of an export: the tokenizer's files and the card."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from corpus.atomic import write_bytes
from train.card.front_matter import is_on_hub
from train.card.usage import Content, Usage, with_usage
from train.export.run import FinishedRun
from train.tokenizer import Tokenizer, open_tokenizer
from train.tokenizer.opening import locate

TOKENIZER_FILES = (
    "tekken.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "SYSTEM_PROMPT.txt",
    "processor_config.json",
    "preprocessor_config.json",
)
"""What names ids and chats, in any of the forms that models on the Hub have."""

METADATA: dict[Content, dict[str, str]] = {
    "adapter": {},
    "merged": {"library_name": "transformers", "base_model_relation": "finetune"},
    "gguf": {"library_name": "transformers", "base_model_relation": "quantized"},
}
"""What the Hub calls weights that are no adapter any more; GGUF counts as quantised."""


def tokenizer_folder(run: FinishedRun) -> Path:
    """Return the folder of the run's tokenizer. Raises NoTokenizer, TokenizerUnreachable."""
    own = run.tokenizer == run.model["name"]
    return locate(run.tokenizer, run.model.get("revision", "") if own else "")


def copy_tokenizer(source: Path, folder: Path) -> Tokenizer:
    """Copy a tokenizer's files as they are, and open the copy."""
    for name in TOKENIZER_FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / name)
    return open_tokenizer(folder)


def card_of(run: FinishedRun, holds: Content, base: str | None) -> bytes | None:
    """Return the card of an export: the run's own, if it has one, that says how to load this form.

    `base` is what --base named. A folder of this machine is nobody else's business: the card keeps
    the base that the run tells of.
    """
    if not run.card.is_file():
        return None
    given = base if base is not None and is_published(base) else None
    text = with_usage(
        run.card.read_text(encoding="utf-8"),
        Usage(
            holds=holds,
            base=given or run.base,
            architecture=run.trained.get("architecture"),
            quantization=run.model.get("quantization"),
        ),
    )
    return with_metadata(text, METADATA[holds] | ({"base_model": given} if given else {})).encode()


def with_metadata(card: str, changes: Mapping[str, str]) -> str:
    """Return a card with some of its metadata changed."""
    if not changes:
        return card
    from huggingface_hub import RepoCard

    changed = RepoCard(card, ignore_metadata_errors=True)
    for name, value in changes.items():
        changed.data[name] = value
    return str(changed)


def is_published(name: str) -> bool:
    """Tell whether a model's name is one on the Hub and no folder here."""
    return is_on_hub(name) and not Path(name).exists()


def write_card(folder: Path, card: bytes | None) -> None:
    """Write a card into an export's folder, if there is one."""
    if card is not None:
        write_bytes(folder / "README.md", card)
