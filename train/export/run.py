"""A finished run as an export sees it: which model, which adapter, which card."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.atomic import sha256_file
from train.errors import TrainError

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
IDENTITY = ("release", "model")
"""What of run.json says where an adapter comes from; the rest may change after training."""


class NotARun(TrainError):
    """The folder holds no finished run."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(
            f"{folder}: not a finished run ({why}). Name the folder that `python -m train.qlora` "
            "wrote; a run that was stopped goes on with --resume auto."
        )


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run folder with an adapter in it."""

    folder: Path
    model: dict[str, Any]
    """The recipe's model settings, as `train.model.settings.ModelSettings` names them."""
    identity: dict[str, Any]
    """What run.json says of release and model."""
    digest: str
    """SHA-256 of the adapter's weights."""

    @property
    def adapter(self) -> Path:
        """The adapter's folder, in peft's format."""
        return self.folder / "adapter"

    @property
    def card(self) -> Path:
        """The model card; it may be absent."""
        return self.folder / "README.md"

    @property
    def tokenizer(self) -> str:
        """The place of the tokenizer's files: a folder or a name on the Hub."""
        return str(self.model.get("tokenizer") or self.model["name"])


def open_run(folder: Path) -> FinishedRun:
    """Read what an export needs of a run. Raises NotARun."""
    for name in (CONFIG, WEIGHTS):
        if not (folder / "adapter" / name).is_file():
            raise NotARun(folder, f"there is no adapter/{name}")
    recipe = _json(folder, "recipe.json")
    model = recipe.get("model")
    if not isinstance(model, dict) or not model.get("name"):
        raise NotARun(folder, "recipe.json names no model")
    told = _json(folder, "run.json")
    identity = {name: told[name] for name in IDENTITY if name in told}
    return FinishedRun(folder, model, identity, sha256_file(folder / "adapter" / WEIGHTS))


def _json(folder: Path, name: str) -> dict[str, Any]:
    try:
        found = json.loads((folder / name).read_bytes())
    except FileNotFoundError as error:
        raise NotARun(folder, f"there is no {name}") from error
    except ValueError as error:
        raise NotARun(folder, f"{name} is not JSON") from error
    if not isinstance(found, dict):
        raise NotARun(folder, f"{name} is no object")
    return found
