"""What an export is made from and comes with: the finished run, its tokenizer and card, the record.

export.json tells what an export was made from, how it was compared, and every file's digest; by it
a second export of the same run is recognised and not made again.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from corpus.atomic import sha256_file, write_bytes, write_json
from corpus.release import NotARelease, Release
from corpus.untrusted import (
    check_counts,
    check_digest,
    check_path,
    check_text,
    parse_json,
    parse_object,
)
from train.checkpoint import ADAPTER, ADAPTER_SETTINGS
from train.errors import TrainError
from train.libraries import installed
from train.tokenizer.conversation import (
    PROMPT_NAME,
    TEMPLATE_NAME,
    template_of,
    with_default,
)
from train.tokenizer.interface import Tokenizer
from train.tokenizer.opening import locate, open_tokenizer
from train.usage import Content, Usage, is_on_hub, with_usage

IDENTITY = ("version", "sha256")
"""What names a release; its place on this machine is nobody else's business."""


class NotARun(TrainError):
    """The folder holds no finished run."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(
            f"{folder}: not a finished run ({why}). Name the folder that `python -m train.qlora` "
            "wrote; where a run was stopped, the command that began it goes on with it."
        )


class OtherRelease(TrainError):
    """The release is not the one that the run was trained on."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder}: the run was trained on another release. Name that one with --release, or "
            "leave it out: then fixed texts are compared."
        )


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run folder with an adapter in it."""

    folder: Path
    model: dict[str, Any]
    """The recipe's model settings, as `train.recipe.ModelSettings` names them."""
    trained: dict[str, Any]
    """What run.json tells of the model: `name`, a folder's by its whole path, `architecture`."""
    release: dict[str, Any]
    """Version and digest of the release that it was trained on."""
    digest: str
    """SHA-256 of the adapter's weights."""
    release_place: str = ""
    """Where the release was, which no export tells anybody."""
    system_prompt: str | None = None
    """The system message of chats that have none; None where none is put before them."""

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

    def base_place(self, given: str | None) -> tuple[str, str]:
        """Return name and revision of the base in 16 bits: the one given, or the run's own."""
        return (given, "") if given else (self.model["name"], self.model.get("revision") or "")

    def open_release(self, given: Path | None = None) -> Release | None:
        """Open the release that it was trained on, given or where it was; None where it is gone.

        Raises OtherRelease for another one, NotARelease and MalformedManifest for a given folder.
        """
        if given is None and not self.release_place:
            return None
        try:
            found = Release.open(given or Path(self.release_place))
        except NotARelease:
            if given is not None:
                raise
            return None
        if found.identity != self.release.get("sha256", found.identity):
            if given is not None:
                raise OtherRelease(given)
            return None
        return found


def open_run(folder: Path) -> FinishedRun:
    """Read what an export needs of a run. Raises NotARun."""
    for name in (ADAPTER_SETTINGS, ADAPTER):
        if not (folder / "adapter" / name).is_file():
            raise NotARun(folder, f"there is no adapter/{name}")
    adapter_settings(folder / "adapter")
    recipe = _json(folder, "recipe.json")
    model = recipe.get("model")
    if not isinstance(model, dict) or not model.get("name"):
        raise NotARun(folder, "recipe.json names no model")
    told = _json(folder, "run.json")
    trained, known = (
        found if isinstance(found := told.get(name), dict) else {} for name in ("model", "release")
    )
    release = {name: known[name] for name in IDENTITY if name in known}
    digest = sha256_file(folder / "adapter" / ADAPTER)
    place = known.get("place")
    system = told.get("system_prompt")
    return FinishedRun(
        folder,
        model,
        trained,
        release,
        digest,
        place if isinstance(place, str) else "",
        system if isinstance(system, str) else None,
    )


def adapter_settings(folder: Path) -> dict[str, object]:
    """Read the adapter_config.json of an adapter's folder, whose base is a name. Raises NotARun."""
    settings = _json(folder, ADAPTER_SETTINGS)
    try:
        check_text(settings.get("base_model_name_or_path"))
    except ValueError as error:
        raise NotARun(folder, f"{ADAPTER_SETTINGS} names no base model: {error}") from error
    return settings


def _json(folder: Path, name: str) -> dict[str, object]:
    try:
        found = parse_json((folder / name).read_bytes())
    except FileNotFoundError as error:
        raise NotARun(folder, f"there is no {name}") from error
    except ValueError as error:
        raise NotARun(folder, f"{name} is not JSON ({error})") from error
    if not isinstance(found, dict):
        raise NotARun(folder, f"{name} is no object")
    return found


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


def copy_tokenizer(run: FinishedRun, folder: Path) -> Tokenizer:
    """Copy the files of a run's tokenizer, and open the copy with the run's system prompt.

    The files stay as they are, but for the chat template, which adds that system prompt to chats
    without one; where there is only a Tekken file, it is SYSTEM_PROMPT.txt, as Mistral has it.
    Raises NoTokenizer, TokenizerUnreachable.
    """
    own = run.tokenizer == run.model["name"]
    source = locate(run.tokenizer, run.model.get("revision", "") if own else "")
    for name in TOKENIZER_FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / name)
    if run.system_prompt is not None:
        if template := template_of(folder):
            told = with_default(template.text, run.system_prompt)
            write_bytes(folder / TEMPLATE_NAME, told.encode())
        else:
            write_bytes(folder / PROMPT_NAME, run.system_prompt.encode())
    return open_tokenizer(folder, system_prompt=run.system_prompt)


def card_of(
    run: FinishedRun, holds: Content, base: str | None, told: Mapping[str, object] | None = None
) -> bytes | None:
    """Return the card of an export: the run's own, if it has one, that says how to load this form.

    `told` are the figures of an export, as far as its card tells them.

    `base` is what --base named. A folder of this machine is nobody else's business: the card keeps
    the base that the run tells of.
    """
    if not run.card.is_file():
        return None
    given = base if base and is_on_hub(base) and not Path(base).exists() else None
    text = with_usage(
        run.card.read_text(encoding="utf-8"),
        Usage(
            holds=holds,
            base=given or run.base,
            architecture=run.trained.get("architecture"),
            quantization=run.model.get("quantization"),
            export=told or {},
        ),
    )
    changes = METADATA[holds] | ({"base_model": given} if given else {})
    if changes:
        from huggingface_hub import RepoCard

        card = RepoCard(text, ignore_metadata_errors=True)
        for name, value in changes.items():
            card.data[name] = value
        text = str(card)
    return text.encode()


def write_card(folder: Path, card: bytes | None) -> None:
    """Write a card into an export's folder, if there is one."""
    if card is not None:
        write_bytes(folder / "README.md", card)


Figures = TypeVar("Figures")
"""What a form of export is told by: a TypedDict."""

RECORD = "export.json"
CARD = "card_sha256"
TOOLS = ("elixir-corpus", "gguf", "peft", "safetensors", "torch", "transformers", "xllamacpp")


class OutputTaken(TrainError):
    """Something else lies where an export is to go."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(f"{folder}: {why}. Nothing was changed. Name another folder with --out.")


@dataclass(frozen=True, slots=True)
class Record:
    """What export.json says of an export that is there."""

    made_from: dict[str, object]
    comparison: dict[str, object]
    files: dict[str, tuple[int, str]]
    """Bytes and SHA-256 of every other file, by its name below the folder."""

    def __post_init__(self) -> None:
        """Raise ValueError for a file elsewhere, and for what is true of no file."""
        for path, (size, digest) in self.files.items():
            check_path(path)
            check_counts(size)
            check_digest(digest)


def write_record(
    folder: Path, made_from: Mapping[str, object], comparison: Mapping[str, object]
) -> None:
    """Write export.json into a folder whose other files are complete."""
    files = {
        name: {"bytes": path.stat().st_size, "sha256": sha256_file(path)}
        for name, path in _files(folder).items()
    }
    record = {"made_from": made_from, "comparison": comparison, "files": files, "tools": tools()}
    write_json(folder / RECORD, record)


def made_from(run: FinishedRun, form: str, card: bytes | None, **more: object) -> dict[str, object]:
    """Return what an export's content follows from."""
    return {
        "form": form,
        "adapter_sha256": run.digest,
        "system_prompt": run.system_prompt,
        CARD: None if card is None else hashlib.sha256(card).hexdigest(),
        "release": run.release,
        **more,
    }


def told_place(name: str, revision: str = "") -> dict[str, str | None]:
    """Return a model's place for the record; a folder of this machine is told by a digest alone."""
    if Path(name).exists():
        name = f"folder {hashlib.sha256(str(Path(name).resolve()).encode()).hexdigest()[:16]}"
    return {"name": name, "revision": revision or None}


def existing(folder: Path, wanted: Mapping[str, object], figures: type[Figures]) -> Figures | None:
    """Return the figures of an export that is there already; None if one is to be made.

    That is so where the place is free, and where the same export lies whose card would say
    something else now, or of which a file is missing or altered: the new one takes its place.
    Raises OutputTaken where anything else is, also beside an export that would have to give way.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    record = _read(folder)
    same = json.loads(json.dumps(wanted))
    if record.made_from | {CARD: None} != same | {CARD: None}:
        raise OutputTaken(folder, "another export lies there")
    why = _outdated(folder, record, same[CARD])
    if why is None:
        return _figures(folder, record, figures)
    if others := sorted(_files(folder).keys() - record.files.keys() - {RECORD}):
        lost = f"{others[0]}, which is no part of it, would be lost"
        raise OutputTaken(folder, f"the export there has to be made anew ({why}), and {lost}")
    return None


def _read(folder: Path) -> Record:
    try:
        told = parse_object((folder / RECORD).read_bytes())
        files = {name: (each["bytes"], each["sha256"]) for name, each in told["files"].items()}
        return Record(dict(told["made_from"]), dict(told["comparison"]), files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise OutputTaken(folder, "something that is no export of ours lies there") from None


def _figures(folder: Path, record: Record, figures: type[Figures]) -> Figures:
    from pydantic import TypeAdapter

    try:
        return TypeAdapter(figures).validate_python(record.comparison)
    except ValueError as error:
        raise OutputTaken(folder, f"{RECORD} there has other figures than ours") from error


def _outdated(folder: Path, record: Record, card: str | None) -> str | None:
    """Say why an export has to be made anew, or None."""
    if record.made_from.get(CARD) != card:
        return "its card would say something else now"
    there = _files(folder)
    for name, (size, digest) in record.files.items():
        if name not in there:
            return f"{name} is missing"
        if there[name].stat().st_size != size or sha256_file(there[name]) != digest:
            return f"{name} was altered"
    return None


def _files(folder: Path) -> dict[str, Path]:
    """Return the files below a folder by their names in it, in order."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in found}


def tools() -> dict[str, str]:
    """Return the versions of what had a part in it."""
    return {name: found for name in TOOLS if (found := installed(name))}
