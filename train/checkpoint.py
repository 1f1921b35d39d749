"""A checkpoint: what its files hold, written whole or not at all, verified, and gone on from.

Our own because trainers take the newest folder by its name. Here every file's digest is known, a
damaged checkpoint is passed over for the one before, and one of another run is refused.
"""

import json
import math
import random
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from corpus.atomic import canonical_json, remove_folder, sha256_file, whole_folder, write_json
from corpus.untrusted import check_counts, check_digest, check_name, check_text, parse_object
from train.errors import TrainError
from train.recipe import Recipe, differences, load

if TYPE_CHECKING:
    import torch
    from peft import PeftModel

    from train.loop.consolidation import Consolidation, Tensors

CHECKPOINTS = "checkpoints"

Resume = Path | Literal["auto", "never"]
"""A checkpoint's folder, the newest valid one, or a start from the beginning."""


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """The run that a checkpoint belongs to: what must be equal for it to go on."""

    release: str
    """SHA-256 of the release's manifest."""
    recipe: str
    """Digest of the resolved recipe."""
    model: str
    """The base model's name and revision."""
    world_size: int
    """Processes that trained."""
    tokens: str = ""
    """SHA-256 of the tokens that the checkpoint's stage reads: neither release nor recipe tell of
    a tokenizer or general text that changes under its name. Empty where they are not known."""
    weights: str = ""
    """What `train.model.fingerprint` tells of the base's weights, which change under their name
    where files are replaced or a branch moves. Empty in older checkpoints, and until it is known.
    """

    def __post_init__(self) -> None:
        """Raise ValueError for what identifies no run."""
        check_text(self.release, self.recipe, self.model, self.tokens, self.weights)
        check_counts(self.world_size)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a run stands: `step` of the `steps` of a stage are done."""

    stage: int
    step: int
    steps: int

    def __post_init__(self) -> None:
        """Raise ValueError for a place that no run has."""
        check_counts(self.stage, self.step, self.steps)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a checkpoint."""

    sha256: str
    bytes: int

    def __post_init__(self) -> None:
        """Raise ValueError for what is true of no file."""
        check_digest(self.sha256)
        check_counts(self.bytes)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint that was verified, file by file."""

    path: Path
    identity: RunIdentity
    position: Position
    files: dict[str, StoredFile]
    """By name; a checkpoint has no folders."""

    def __post_init__(self) -> None:
        """Raise ValueError for a file elsewhere."""
        for name in self.files:
            check_name("file of a checkpoint", name)


class CannotResume(TrainError):
    """A run cannot go on in the way that --resume asks for."""


class DamagedCheckpoint(TrainError):
    """A checkpoint is not what its manifest says."""

    def __init__(self, path: Path, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"{path}: {reason}. The checkpoint was altered or copied badly. Name another, or leave "
            "--resume at auto to take the newest sound one."
        )


class ForeignCheckpoint(TrainError):
    """A checkpoint belongs to another run, or to a stage that the wanted one cannot follow."""

    def __init__(
        self, place: Path, reason: str, instead: str = "Go on with what the run was begun with"
    ) -> None:
        super().__init__(f"{place}: {reason}. {instead}, or begin another run with another --out.")


def where_to_go_on(
    out: Path, resume: Resume, recipe: Recipe, identity: RunIdentity, chats: Mapping[str, str]
) -> tuple[Checkpoint | None, list[str]]:
    """Return the checkpoint of a run's folder to go on from, if any, and those passed over.

    `chats` are the digests of own chats, by their names. Raises CannotResume, DamagedCheckpoint
    and ForeignCheckpoint.
    """
    folder, skipped = out / CHECKPOINTS, list[str]()
    try:
        if isinstance(resume, Path):
            checkpoint: Checkpoint | None = open_checkpoint(resume, identity)
        elif resume == "never" and checkpoint_folders(folder):
            raise CannotResume(
                f"{out}: a run has checkpoints here, and --resume never forbids to go on with it. "
                "Name another folder with --out, or take --resume auto to go on."
            )
        else:
            checkpoint, skipped = newest_valid(folder, identity)
    except ForeignCheckpoint as error:
        begun = out / "recipe.json"
        if begun.is_file() and (differing := differences(load(begun), recipe)):
            why = f"the run here was begun with another recipe: {'; '.join(differing)}"
            raise ForeignCheckpoint(out, why, "Go on with what it was begun with") from error
        if changed := chats_that_differ(out, chats):
            why = f"the run here was begun with other rows of {', '.join(changed)}"
            raise ForeignCheckpoint(out, why, "Put back the files as they were") from error
        raise
    if checkpoint is not None:
        check_order(checkpoint, recipe)
    return checkpoint, skipped


def newest_valid(folder: Path, identity: RunIdentity) -> tuple[Checkpoint | None, list[str]]:
    """Return the newest checkpoint that is sound, and those newer that are not, with why.

    Raises ForeignCheckpoint when a sound one belongs to another run: then so does the folder.
    """
    skipped = list[str]()
    for path in sorted(checkpoint_folders(folder), key=place_of, reverse=True):
        try:
            return open_checkpoint(path, identity), skipped
        except DamagedCheckpoint as error:
            skipped.append(f"{path.name}: {error.reason}")
    return None, skipped


def open_checkpoint(path: Path, identity: RunIdentity) -> Checkpoint:
    """Verify one checkpoint. Raises CannotResume, DamagedCheckpoint and ForeignCheckpoint."""
    if not path.is_dir():
        raise CannotResume(
            f"--resume {path}: there is no such folder. Name one below a run's `checkpoints`, "
            "auto for the newest sound one there, or never."
        )
    checkpoint = verified(path)
    told = checkpoint.position.stage, checkpoint.position.step
    if place_of(path) not in ((0, 0), told):
        reason = "it is named for stage {} step {}, and stands at stage {} step {}"
        raise DamagedCheckpoint(path, reason.format(*place_of(path), *told))
    check_identity(checkpoint, identity)
    return checkpoint


def verified(folder: Path) -> Checkpoint:
    """Read a checkpoint and recheck every byte of it.

    Raises DamagedCheckpoint, and ForeignCheckpoint for one that another version of this program
    wrote: that is no damage, for which a run would begin anew and remove it.
    """
    checkpoint = _read_manifest(folder)
    found = {path.name for path in folder.iterdir()} - {MANIFEST, SEAL}
    if missing := sorted(checkpoint.files.keys() - found):
        raise DamagedCheckpoint(folder, f"{missing[0]} is missing")
    if extra := sorted(found - checkpoint.files.keys()):
        raise DamagedCheckpoint(folder, f"{extra[0]} is not one of its files")
    for name, expected in checkpoint.files.items():
        if why := _damage(folder / name, expected):
            raise DamagedCheckpoint(folder, why)
    return checkpoint


MANIFEST = "manifest.json"
SEAL = "manifest.sha256"
"""Holds the manifest's own digest, so that an altered one is noticed too."""
FORMAT = 1


def _read_manifest(folder: Path) -> Checkpoint:
    try:
        if (folder / SEAL).read_text(encoding="ascii") != seal(folder):
            raise DamagedCheckpoint(folder, f"{MANIFEST} was altered")
        told: dict[str, Any] = parse_object((folder / MANIFEST).read_bytes())
        if told["format"] != FORMAT:
            why = f"its format is {told['format']}, and this version reads {FORMAT}"
            raise ForeignCheckpoint(folder, why)
        files = {name: StoredFile(**each) for name, each in told["files"].items()}
        identity, position = RunIdentity(**told["identity"]), Position(**told["position"])
        return Checkpoint(folder, identity, position, files)
    except FileNotFoundError as error:
        raise DamagedCheckpoint(folder, f"{Path(error.filename).name} is missing") from error
    except (OSError, ValueError) as error:
        raise DamagedCheckpoint(folder, f"{MANIFEST} cannot be read ({error})") from error
    except (KeyError, TypeError, AttributeError) as error:
        why = f"{MANIFEST} has not the fields that this version reads"
        raise DamagedCheckpoint(folder, why) from error


def seal(folder: Path) -> str:
    """Return what stands beside the manifest of a checkpoint."""
    return sha256_file(folder / MANIFEST) + "\n"


def _damage(path: Path, expected: StoredFile) -> str:
    """Say in what a file is not the one that was written; nothing if it is."""
    if path.is_symlink():
        return f"{path.name} is a link"
    try:
        if (size := path.stat().st_size) != expected.bytes:
            return f"{path.name} has {size} bytes, not {expected.bytes}"
        digest = sha256_file(path)
    except OSError as error:  # as a dying disk gives
        return f"{path.name} cannot be read ({error.strerror})"
    if digest != expected.sha256:
        return f"sha256 of {path.name} is {digest[:12]}..., not {expected.sha256[:12]}..."
    return ""


MEANINGS = {
    "release": "the release",
    "recipe": "the recipe",
    "model": "the base model",
    "world_size": "the number of processes",
    "tokens": "what its stage reads, in tokens,",
    "weights": "what the base model holds under its name, in weights,",
}


def check_identity(checkpoint: Checkpoint, identity: RunIdentity) -> None:
    """Raise ForeignCheckpoint if a checkpoint is of another run.

    Tokens and weights count where both are known: they are only once data and model are loaded.
    """
    for each in fields(RunIdentity):
        theirs, ours = getattr(checkpoint.identity, each.name), getattr(identity, each.name)
        is_known = each.default not in (theirs, ours)
        if is_known and theirs != ours:
            reason = f"{MEANINGS[each.name]} was {shown(theirs)} and is {shown(ours)} now"
            raise ForeignCheckpoint(checkpoint.path, reason)


def shown(value: object) -> str:
    """Return a value of an identity as a message shows it: digests by their beginning."""
    text = str(value)
    return f"{text[:12]}..." if re.fullmatch(r"[0-9a-f]{64}", text) else repr(value)


def chats_that_differ(out: Path, chats: Mapping[str, str]) -> list[str]:
    """Return names of own chats that are other ones than those that the run was begun with."""
    try:
        begun = parse_object((out / "run.json").read_bytes())["chats"]
        before = {each["name"]: each["sha256"] for each in begun}
    except (OSError, ValueError, KeyError, TypeError):  # then nobody knows
        before = {}
    return [name for name, sha256 in chats.items() if before.get(name, sha256) != sha256]


def check_order(checkpoint: Checkpoint, recipe: Recipe) -> None:
    """Raise ForeignCheckpoint where a wanted stage would be skipped, or an unfinished one left."""
    at = checkpoint.position
    wanted = [number for number, each in ((1, recipe.stage1), (2, recipe.stage2)) if each.enabled]
    beside = {place_of(path)[0] for path in checkpoint_folders(checkpoint.path.parent)}
    skipped = [number for number in wanted if number < at.stage and number not in beside]
    if at.step < at.steps and at.stage not in wanted:
        why = f"stage {at.stage} stands at step {at.step} of {at.steps}, and is not among the "
        why += "wanted stages"
    elif max(wanted) < at.stage:
        why = f"stage {at.stage} came already, and stage 1 comes before"
    elif skipped:
        why = f"stage {at.stage} was begun without stage {skipped[0]}, which comes before"
    else:
        return
    instead = "Take --stages both to go on with all that is left"
    raise ForeignCheckpoint(checkpoint.path, why, instead)


def check_agreed(found: Sequence[Checkpoint | None]) -> None:
    """Raise CannotResume if not all processes found the same checkpoint to go on from."""
    told = [(each.path.name, each.files) if each else ("none", {}) for each in found]
    if any(each != told[0] for each in told):
        raise CannotResume(
            f"the processes would go on from different checkpoints "
            f"({', '.join(name for name, _ in told)}). The first one alone writes them: put the "
            "run's folder on a disk that all machines share, or copy its `checkpoints` to the "
            "others."
        )


NAME = re.compile(r"stage(\d+)-(\d+)")


def checkpoint_name(stage: int, step: int) -> str:
    """Return the name of a checkpoint's folder."""
    return f"stage{stage}-{step:08d}"


def place_of(path: Path) -> tuple[int, int]:
    """Return stage and step that a checkpoint's name tells; (0, 0) if it tells none."""
    found = NAME.fullmatch(path.name)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def checkpoint_folders(folder: Path) -> list[Path]:
    """List what is named like a checkpoint, sound or not."""
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if path.is_dir() and NAME.fullmatch(path.name)]


class CheckpointNotWritten(TrainError):
    """A checkpoint could not be saved, as on a full disk."""

    def __init__(self, path: Path, error: Exception) -> None:
        said = str(getattr(error, "strerror", None) or error).rstrip(".")
        super().__init__(
            f"{path}: the checkpoint could not be written ({said}). Those "
            "before it are untouched. Make room, then run the same command: it goes on from the "
            "newest."
        )


Write = Callable[[Path], None]


def write(
    folder: Path, files: Mapping[str, Write], identity: RunIdentity, position: Position
) -> Checkpoint:
    """Write a checkpoint below `folder`, each file by its function, and check it as a reader would.

    What has the name already gives way. So does what stands further: the run came here from an
    older checkpoint because those were damaged or not wanted, and once this one is there they
    would be taken for the newest. Raises CheckpointNotWritten; then nothing has changed.
    """
    destination = folder / checkpoint_name(position.stage, position.step)
    told = {"format": FORMAT, "identity": asdict(identity), "position": asdict(position)}
    try:
        with whole_folder(destination, replaces=True) as temporary:
            for name, write_file in files.items():
                write_file(temporary / name)
            written = {
                path.name: {"sha256": sha256_file(path), "bytes": path.stat().st_size}
                for path in temporary.iterdir()
            }
            (temporary / MANIFEST).write_bytes(canonical_json(told | {"files": written}))
            (temporary / SEAL).write_text(seal(temporary), encoding="ascii")
    except Exception as error:  # on a full disk torch raises RuntimeError, safetensors its own
        raise CheckpointNotWritten(destination, error) from error
    give_way(folder, place_of(destination))
    return verified(destination)


def give_way(folder: Path, place: tuple[int, int]) -> None:
    """Remove what stands further than a stage and step."""
    for path in checkpoint_folders(folder):
        if place_of(path) > place:
            remove_folder(path)


def prune(folder: Path, keep: int) -> None:
    """Remove all but the newest `keep` checkpoints, at least one, and the newest of each stage.

    What one that is kept calls the best of its stage stays too: a run may go on from any of them.
    """
    ordered = sorted(checkpoint_folders(folder), key=place_of)
    newest_of_stage = {place_of(path)[0]: path for path in ordered}
    kept = {*ordered[-max(1, keep) :], *newest_of_stage.values()}
    for path in tuple(kept):
        with suppress(OSError, ValueError, KeyError, TypeError):  # resuming will tell
            best = parse_object((path / SELECTION).read_bytes())["step"]
            kept.add(path.with_name(checkpoint_name(place_of(path)[0], best)))
    for path in ordered:
        if path not in kept:
            remove_folder(path)


SELECTION = "selection.json"
"""The file of a checkpoint that tells its stage's best step so far, if the run selects one."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The best measurement of a stage so far."""

    step: int = 0
    """After which it was made."""
    loss: float = math.inf
    since: int = 0
    """Measurements after it, none of which improved on it."""

    def after(self, step: int, loss: float, improvement: float) -> "Selection":
        """Return the best once another measurement was made; `improvement` is in nats a token."""
        is_better = loss < self.loss - improvement
        return Selection(step, loss) if is_better else replace(self, since=self.since + 1)


def read_selection(folder: Path) -> Selection:
    """Return the best measurement of a checkpoint's stage; none was made where none is kept.

    Raises DamagedCheckpoint.
    """
    try:
        told = parse_object((folder / SELECTION).read_bytes())
        check_counts(told["step"], told["since"])
        return Selection(told["step"], float(told["loss"]), told["since"])
    except FileNotFoundError:
        return Selection()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedCheckpoint(folder, f"{SELECTION} cannot be read ({error})") from error


ADAPTER = "adapter_model.safetensors"
ADAPTER_SETTINGS = "adapter_config.json"
OPTIMIZER = "optimizer.pt"
GENERATORS = "generators.json"
ANCHOR = "anchor.safetensors"
FISHER = "fisher.safetensors"
SCALING = ("lora_alpha", "use_rslora")
"""What scales an adapter's update, in peft's names; its weights do not tell."""


def state_files(
    adapted: "PeftModel",
    optimizer: "torch.optim.Optimizer",
    consolidation: "Consolidation | None",
    selection: Selection | None,
) -> dict[str, Write]:
    """Return how to write all that a run needs to go on, by file name."""
    import torch

    files: dict[str, Write] = {
        **adapter_files(adapted),
        OPTIMIZER: lambda path: torch.save(optimizer.state_dict(), path),
        GENERATORS: write_generators,
    }
    if consolidation is not None:
        files[ANCHOR] = lambda path: _write_tensors(consolidation.anchor, path)
        files[FISHER] = lambda path: _write_tensors(consolidation.fisher, path)
    if selection is not None:
        files[SELECTION] = lambda path: write_json(path, asdict(selection))
    return files


def adapter_files(adapted: "PeftModel") -> dict[str, Write]:
    """Return how to write an adapter in peft's format, by file name."""

    def write_settings(path: Path) -> None:
        settings = adapted.peft_config["default"].to_dict() | {"inference_mode": True}
        plain = {
            name: sorted(value) if isinstance(value, set) else value
            for name, value in settings.items()
        }
        text = json.dumps(plain, indent=2, sort_keys=True, default=str)
        path.write_text(text + "\n", encoding="utf-8")

    return {
        ADAPTER: lambda path: _write_tensors(adapter_weights(adapted), path),
        ADAPTER_SETTINGS: write_settings,
    }


def adapter_weights(adapted: "PeftModel") -> "Tensors":
    """Return the weights of an adapter under peft's names."""
    from peft import get_peft_model_state_dict

    weights: Tensors = get_peft_model_state_dict(adapted, save_embedding_layers=False)
    return weights


class UnfitAdapter(TrainError):
    """An adapter cannot be put into the model."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(
            f"{folder}: {why}. Name a folder with an adapter that was trained on this base model "
            "with the same --adapter.rank, targets, alpha, rslora and dora."
        )


def read_adapter(adapted: "PeftModel", folder: Path) -> None:
    """Put the weights of an adapter into a model that was adapted alike.

    Raises UnfitAdapter if they are not there, are those of other layers or another rank, or would
    be scaled otherwise than where they were trained.
    """
    from peft import set_peft_model_state_dict
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        weights = load_file(folder / ADAPTER)
        told = parse_object((folder / ADAPTER_SETTINGS).read_bytes())
    except (OSError, SafetensorError, ValueError) as error:
        raise UnfitAdapter(folder, f"its files cannot be read ({error})") from error
    config = adapted.peft_config["default"]
    for name in SCALING:
        if (theirs := told.get(name, False)) != (ours := getattr(config, name)):
            raise UnfitAdapter(folder, f"its {name} is {theirs!r}, and that of the recipe {ours!r}")
    shapes = {name: weight.shape for name, weight in adapter_weights(adapted).items()}
    if {name: weight.shape for name, weight in weights.items()} != shapes:
        raise UnfitAdapter(folder, "its weights are for other layers or of another rank")
    set_peft_model_state_dict(adapted, weights)


class UnfitState(TrainError):
    """What a checkpoint holds of optimizer, generators or a stage before cannot be put back."""

    def __init__(self, path: Path, what: str, error: Exception) -> None:
        said = (str(error).splitlines() or [""])[0]
        super().__init__(
            f"{path}: {what} ({type(error).__name__}: {said}). The checkpoint was altered: go on "
            "from another with --resume, or begin anew."
        )


UNREADABLE = (
    *(AttributeError, EOFError, KeyError, OSError, OverflowError, RuntimeError, TypeError),
    *(UnpicklingError, ValueError),
)
"""What torch, NumPy and Python raise for a file that holds no such state."""


def read_optimizer(optimizer: "torch.optim.Optimizer", folder: Path) -> None:
    """Put moments and step counts back, and the generators with them. Raises UnfitState."""
    import torch

    try:
        state = torch.load(folder / OPTIMIZER, map_location="cpu", weights_only=True)
        optimizer.load_state_dict(state)
    except UNREADABLE as error:
        raise UnfitState(folder / OPTIMIZER, "no state of this optimizer", error) from error
    read_generators(folder / GENERATORS)


def write_generators(path: Path) -> None:
    """Write the states of the generators of Python, NumPy and torch, on every device.

    Dropout and noise are seeded anew for every micro-batch; this is for what libraries draw.
    """
    import torch

    version, state, gauss = random.getstate()
    kind, keys, place, has_gauss, cached = np.random.get_state(legacy=True)
    states = {
        "python": [version, list(state), gauss],
        "numpy": [str(kind), [int(key) for key in keys], place, has_gauss, cached],
        "torch": torch.get_rng_state().tolist(),
        "cuda": [state.tolist() for state in torch.cuda.get_rng_state_all()],
    }
    path.write_text(json.dumps(states), encoding="utf-8")


def read_generators(path: Path) -> None:
    """Set all generators as `write_generators` found them; those of as many devices only.

    Raises UnfitState.
    """
    import torch

    try:
        states = parse_object(path.read_bytes())
        version, state, gauss = states["python"]
        random.setstate((version, tuple(state), gauss))
        kind, keys, *rest = states["numpy"]
        np.random.set_state((kind, np.array(keys, dtype=np.uint32), *rest))
        torch.set_rng_state(torch.tensor(states["torch"], dtype=torch.uint8))
        if len(states["cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(
                [torch.tensor(state, dtype=torch.uint8) for state in states["cuda"]]
            )
    except UNREADABLE as error:
        raise UnfitState(path, "no states of random generators", error) from error


def read_consolidation(
    folder: Path, strength: float, device: "torch.device"
) -> "Consolidation | None":
    """Return what a checkpoint of the second stage is held to, if anything. Raises UnfitState."""
    from train.loop.consolidation import Consolidation

    if not (folder / FISHER).exists():
        return None
    anchor, fisher = (_read_tensors(folder / name, device) for name in (ANCHOR, FISHER))
    return Consolidation(anchor, fisher, strength)


def _read_tensors(path: Path, device: "torch.device") -> "Tensors":
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found = load_file(path)
    except (OSError, SafetensorError) as error:
        raise UnfitState(path, "no tensors of a stage", error) from error
    # safetensors does not know `cpu:0`, as accelerate calls the processor of one of several
    return {name: each.to(device) for name, each in found.items()}


def _write_tensors(tensors: "Tensors", path: Path) -> None:
    from safetensors.torch import save_file

    flat = {name: each.detach().cpu().contiguous() for name, each in tensors.items()}
    save_file(flat, path, metadata={"format": "pt"})
