"""A finished run as an export sees it: which model, which adapter, which card."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.atomic import sha256_file
from corpus.untrusted import check_text, parse_json
from train.errors import TrainError

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
IDENTITY = ("version", "sha256")
"""What names a release; its place on this machine is nobody else's business."""


class NotARun(TrainError):
    """The folder holds no finished run."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(
            f"{folder}: not a finished run ({why}). Name the folder that `python -m train.qlora` "
            "wrote; where a run was stopped, the command that began it goes on with it."
        )


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run folder with an adapter in it."""

    folder: Path
    model: dict[str, Any]
    """The recipe's model settings, as `train.model.settings.ModelSettings` names them."""
    trained: dict[str, Any]
    """What run.json tells of the model: `name`, a folder's by its whole path, `architecture`."""
    release: dict[str, Any]
    """Version and digest of the release that it was trained on."""
    digest: str
    """SHA-256 of the adapter's weights."""

    @property
    def base(self) -> str:
        """The model that it trained: its name on the Hub, or its folder."""
        return str(self.trained.get("name") or self.model["name"])

    @property
    def fingerprint(self) -> str:
        """What tells that model's weights from others; empty in runs of older versions."""
        return str(self.trained.get("fingerprint") or "")

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
    adapter_settings(folder / "adapter")
    recipe = _json(folder, "recipe.json")
    model = recipe.get("model")
    if not isinstance(model, dict) or not model.get("name"):
        raise NotARun(folder, "recipe.json names no model")
    told = _json(folder, "run.json")
    trained, known = (_within(told, name) for name in ("model", "release"))
    release = {name: known[name] for name in IDENTITY if name in known}
    digest = sha256_file(folder / "adapter" / WEIGHTS)
    return FinishedRun(folder, model, trained, release, digest)


def adapter_settings(folder: Path) -> dict[str, Any]:
    """Read the adapter_config.json of an adapter's folder, whose base is a name. Raises NotARun."""
    settings = _json(folder, CONFIG)
    try:
        check_text(settings.get("base_model_name_or_path"))
    except ValueError as error:
        raise NotARun(folder, f"{CONFIG} names no base model: {error}") from error
    return settings


def _within(told: dict[str, Any], name: str) -> dict[str, Any]:
    found = told.get(name)
    return found if isinstance(found, dict) else {}


def _json(folder: Path, name: str) -> dict[str, Any]:
    try:
        found = parse_json((folder / name).read_bytes())
    except FileNotFoundError as error:
        raise NotARun(folder, f"there is no {name}") from error
    except ValueError as error:
        raise NotARun(folder, f"{name} is not JSON ({error})") from error
    if not isinstance(found, dict):
        raise NotARun(folder, f"{name} is no object")
    return found
