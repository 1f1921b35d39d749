"""Answers kept on disk as they are drawn, so that a killed evaluation goes on where it was.

Programs are not kept: to run them again costs little beside what the model's work costs.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.atomic import canonical_json, sha256_file, write_json
from corpus.untrusted import parse_object
from train.model.loading import compute_type
from train.provenance import device_name, installed, place_of
from train.recipe import ModelSettings

if TYPE_CHECKING:
    import torch

    from train.tokenizer.interface import Tokenizer

FORMAT = 1
"""Raise the number when other answers come out of the same question."""
TOOLS = ("torch", "transformers", "peft", "bitsandbytes")
"""Whose versions may change what a model writes."""


@dataclass(frozen=True, slots=True)
class Answers:
    """A folder with a file for each question that was asked of a model.

    It is named by the digest of all that the answers follow from.
    """

    folder: Path
    model: Mapping[str, Any]

    def without_adapter(self) -> "Answers":
        """Return those of the base alone, whatever run it is the base of."""
        return replace(self, model={**self.model, "adapter": None})

    def recall(self, question: Mapping[str, Any], draw: Callable[[], list[str]]) -> list[str]:
        """Return the answers to a question: those that are there, else drawn ones, then kept.

        A file that is damaged counts as absent.
        """
        name = digest([FORMAT, self.model, question])
        path = self.folder / f"{name}.json"
        found = read(path, name)
        if found is None:
            found = draw()
            write_json(path, {"answers": found, "sha256": digest([name, found])})
        return found


def read(path: Path, name: str) -> list[str] | None:
    """Return the answers of a file; None where there is none, or it is not as it was written."""
    try:
        told = parse_object(path.read_bytes())
        found = told["answers"]
        is_whole = told["sha256"] == digest([name, found])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return list(found) if is_whole else None


def digest(value: Any) -> str:
    """Return the SHA-256 of a value as JSON."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def describe(
    settings: ModelSettings,
    adapter: Path | None,
    base: Any,
    tokenizer: "Tokenizer",
    device: "torch.device",
) -> dict[str, Any]:
    """Return what answers follow from beside the question.

    Of a name on the Hub the commit that was loaded counts, for a branch moves. Of a folder it is
    its files' sizes and times: to read tens of gigabytes again would cost minutes at every start.
    """
    return {
        "name": place_of(settings.name),
        "revision": settings.revision,
        "commit": getattr(base.config, "_commit_hash", None),
        "files": files_of(Path(settings.name)),
        "quantization": settings.quantization,
        "compute": str(compute_type(settings)),
        "adapter": adapter and digests_of(adapter),
        "tokenizer": tokenizer.identity,
        "device": device_name(device),
        "tools": {name: installed(name) for name in TOOLS},
    }


def files_of(folder: Path) -> dict[str, list[int]]:
    """Return size in bytes and time in nanoseconds of each file of a folder; nothing if none."""
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    files = {each.name: each.stat() for each in found if each.is_file()}
    return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in files.items()}


def digests_of(adapter: Path) -> dict[str, str]:
    """Return the SHA-256 of an adapter's weights and of its settings, which scale them."""
    names = ("adapter_model.safetensors", "adapter_config.json")
    return {name: sha256_file(adapter / name) for name in names}
