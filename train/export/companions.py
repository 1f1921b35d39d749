"""What stands beside the weights of an export: the tokenizer's files and the card."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from corpus.atomic import write_bytes
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

MERGED = {"library_name": "transformers", "base_model_relation": "finetune"}
QUANTIZED = MERGED | {"base_model_relation": "quantized"}
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


def write_card(run: FinishedRun, folder: Path, changes: Mapping[str, str]) -> None:
    """Write the run's model card, if it has one, with some of its metadata changed."""
    if not run.card.is_file():
        return
    if not changes:
        shutil.copyfile(run.card, folder / "README.md")
        return
    from huggingface_hub import RepoCard

    card = RepoCard(run.card.read_text(encoding="utf-8"), ignore_metadata_errors=True)
    for name, value in changes.items():
        card.data[name] = value
    write_bytes(folder / "README.md", str(card).encode())
