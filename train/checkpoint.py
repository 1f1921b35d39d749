"""A checkpoint: what it is, written whole or not at all, verified; and which a run goes on from.

Our own because trainers take the newest folder by its name. Here every file's digest is known, a
damaged checkpoint is passed over for the one before, and one of another run is refused. What its
files hold is in `train.loop.state`.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from corpus.atomic import canonical_json, remove_folder, sha256_file, whole_folder
from corpus.untrusted import check_counts, check_digest, check_name, check_text, parse_object
from train.errors import TrainError
from train.recipe import Recipe, differences, load


class ChatsChanged(TrainError):
    """A run was begun with other rows."""

    def __init__(self, out: Path, names: list[str]) -> None:
        super().__init__(
            f"{out}: the run here was begun with other rows of {', '.join(names)}. Put back the "
            "files as they were, or begin another run with another --out."
        )


MANIFEST = "manifest.json"
SEAL = "manifest.sha256"
"""Holds the manifest's own digest, so that an altered one is noticed too."""
FORMAT = 1


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
    """SHA-256 of the tokens that the checkpoint's stage reads; empty where they are not known."""
    weights: str = ""
    """What `train.model.fingerprint` tells of the base's weights; empty in older checkpoints."""

    def __post_init__(self) -> None:
        """Raise ValueError for what identifies no run."""
        check_text(self.release, self.recipe, self.model, self.tokens, self.weights)
        check_counts(self.world_size)


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
    position: dict[str, int]
    """`stage`, `step`, and `steps` of that stage."""
    files: dict[str, StoredFile]
    """By name; a checkpoint has no folders."""

    def __post_init__(self) -> None:
        """Raise ValueError for a place that no run has, and for a file elsewhere."""
        if self.position.keys() != {"stage", "step", "steps"}:
            raise ValueError("its place is not stage, step and steps")
        check_counts(*self.position.values())
        for name in self.files:
            check_name("file of a checkpoint", name)

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.path.name


class Unsound(Exception):
    """A folder is not what a checkpoint's manifest says; the message says in what."""


class OtherFormat(Exception):
    """A checkpoint is whole, and another version of this program wrote it."""


def describe(folder: Path) -> dict[str, StoredFile]:
    """Return size and digest of every file in a folder."""
    return {
        path.name: StoredFile(sha256_file(path), path.stat().st_size)
        for path in sorted(folder.iterdir())
    }


def manifest_bytes(
    identity: RunIdentity, position: dict[str, int], files: dict[str, StoredFile]
) -> bytes:
    """Return the manifest as it is stored."""
    return canonical_json(
        {
            "format": FORMAT,
            "identity": asdict(identity),
            "position": position,
            "files": {name: asdict(each) for name, each in files.items()},
        }
    )


def seal(folder: Path) -> str:
    """Return what stands beside the manifest of a checkpoint."""
    return sha256_file(folder / MANIFEST) + "\n"


def verified(folder: Path) -> Checkpoint:
    """Read a checkpoint and recheck every byte of it. Raises Unsound and OtherFormat."""
    checkpoint = _read_manifest(folder)
    found = {path.name for path in folder.iterdir()} - {MANIFEST, SEAL}
    if missing := sorted(checkpoint.files.keys() - found):
        raise Unsound(f"{missing[0]} is missing")
    if extra := sorted(found - checkpoint.files.keys()):
        raise Unsound(f"{extra[0]} is not one of its files")
    for name, expected in checkpoint.files.items():
        if (folder / name).is_symlink():
            raise Unsound(f"{name} is a link")
        _check_file(folder / name, expected)
    return checkpoint


def _check_file(path: Path, expected: StoredFile) -> None:
    try:
        size = path.stat().st_size
        if size != expected.bytes:
            raise Unsound(f"{path.name} has {size} bytes, not {expected.bytes}")
        digest = sha256_file(path)
    except OSError as error:  # as a dying disk gives
        raise Unsound(f"{path.name} cannot be read ({error.strerror})") from error
    if digest != expected.sha256:
        raise Unsound(f"sha256 of {path.name} is {digest[:12]}..., not {expected.sha256[:12]}...")


def _read_manifest(folder: Path) -> Checkpoint:
    try:
        if (folder / SEAL).read_text(encoding="ascii") != seal(folder):
            raise Unsound(f"{MANIFEST} was altered")
        told: dict[str, Any] = parse_object((folder / MANIFEST).read_bytes())
        if told["format"] != FORMAT:
            raise OtherFormat(f"its format is {told['format']}, and this version reads {FORMAT}")
        files = {name: StoredFile(**each) for name, each in told["files"].items()}
        return Checkpoint(folder, RunIdentity(**told["identity"]), told["position"], files)
    except FileNotFoundError as error:
        raise Unsound(f"{Path(error.filename).name} is missing") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unsound(f"{MANIFEST} cannot be read ({error})") from error


NAME = re.compile(r"stage(\d+)-(\d+)")

MEANINGS = {
    "release": "the release",
    "recipe": "the recipe",
    "model": "the base model",
    "world_size": "the number of processes",
    "tokens": "what its stage reads, in tokens,",
    "weights": "what the base model holds under its name, in weights,",
}


@dataclass(frozen=True, slots=True)
class Skipped:
    """A checkpoint that was passed over."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path.name}: {self.reason}"


class DamagedCheckpoint(TrainError):
    """A checkpoint is not what its manifest says."""

    def __init__(self, path: Path, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"{path}: {reason}. The checkpoint was altered or copied badly. Name another, or leave "
            "--resume at auto to take the newest sound one."
        )


class NoCheckpoint(TrainError):
    """There is no such folder."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"--resume {path}: there is no such folder. Name one below a run's `checkpoints`, "
            "auto for the newest sound one there, or never."
        )


class ForeignCheckpoint(TrainError):
    """A checkpoint belongs to another run."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path}: {reason}. Go on with what the run was begun with, or begin another run with "
            "another --out."
        )


def newest_valid(folder: Path, identity: RunIdentity) -> tuple[Checkpoint | None, list[Skipped]]:
    """Return the newest checkpoint that is sound, and those newer that are not, with why.

    Raises ForeignCheckpoint when a sound one belongs to another run: then so does the folder.
    """
    skipped: list[Skipped] = []
    for path in sorted(checkpoint_folders(folder), key=place_of, reverse=True):
        try:
            return open_checkpoint(path, identity), skipped
        except DamagedCheckpoint as error:
            skipped.append(Skipped(path, error.reason))
    return None, skipped


def open_checkpoint(path: Path, identity: RunIdentity) -> Checkpoint:
    """Verify one checkpoint. Raises NoCheckpoint, DamagedCheckpoint and ForeignCheckpoint."""
    if not path.is_dir():
        raise NoCheckpoint(path)
    try:
        checkpoint = verified(path)
    except Unsound as error:
        raise DamagedCheckpoint(path, str(error)) from error
    except OtherFormat as error:  # not damage: to begin anew would remove it
        raise ForeignCheckpoint(path, str(error)) from error
    told = checkpoint.position["stage"], checkpoint.position["step"]
    if place_of(path) not in ((0, 0), told):
        reason = "it is named for stage {} step {}, and stands at stage {} step {}"
        raise DamagedCheckpoint(path, reason.format(*place_of(path), *told))
    compare(checkpoint, completed(identity, checkpoint.identity))
    return checkpoint


def completed(identity: RunIdentity, theirs: RunIdentity) -> RunIdentity:
    """Return an identity with what is known only once data and model are loaded, from another."""
    return replace(
        identity,
        tokens=identity.tokens or theirs.tokens,
        weights=identity.weights or theirs.weights,
    )


def compare(checkpoint: Checkpoint, identity: RunIdentity) -> None:
    """Raise ForeignCheckpoint if a checkpoint is of another run."""
    for each in fields(RunIdentity):
        theirs, ours = getattr(checkpoint.identity, each.name), getattr(identity, each.name)
        if theirs != ours:
            reason = f"{MEANINGS[each.name]} was {shown(theirs)} and is {shown(ours)} now"
            raise ForeignCheckpoint(checkpoint.path, reason)


def checkpoint_folders(folder: Path) -> list[Path]:
    """List what is named like a checkpoint, sound or not."""
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if path.is_dir() and NAME.fullmatch(path.name)]


def checkpoint_name(stage: int, step: int) -> str:
    """Return the name of a checkpoint's folder."""
    return f"stage{stage}-{step:08d}"


def place_of(path: Path) -> tuple[int, int]:
    """Return stage and step that a checkpoint's name tells; (0, 0) if it tells none."""
    found = NAME.fullmatch(path.name)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def shown(value: object) -> str:
    """Return a value of an identity as a message shows it: digests by their beginning."""
    text = str(value)
    return f"{text[:12]}..." if re.fullmatch(r"[0-9a-f]{64}", text) else repr(value)


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


class CheckpointNotWritten(TrainError):
    """A checkpoint could not be saved, as on a full disk."""

    def __init__(self, path: Path, error: Exception) -> None:
        said = str(getattr(error, "strerror", None) or error).rstrip(".")
        super().__init__(
            f"{path}: the checkpoint could not be written ({said}). Those "
            "before it are untouched. Make room, then run the same command: it goes on from the "
            "newest."
        )


def write(
    folder: Path,
    name: str,
    files: Mapping[str, Callable[[Path], None]],
    identity: RunIdentity,
    position: dict[str, int],
) -> Checkpoint:
    """Write `folder/name`, each file by its function, and check it as a reader would.

    What has the name already gives way. So does what stands further: the run came here from an
    older checkpoint because those were damaged or not wanted, and once this one is there they
    would be taken for the newest. Raises CheckpointNotWritten; then nothing has changed.
    """
    destination = folder / name
    try:
        with whole_folder(destination, replaces=True) as temporary:
            _fill(temporary, files, identity, position)
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
    kept |= {best for path in kept if (best := best_of(path))}
    for path in ordered:
        if path not in kept:
            remove_folder(path)


def best_of(path: Path) -> Path | None:
    """Return the checkpoint that one calls the best of its stage so far, if it calls any so."""
    try:
        step = parse_object((path / SELECTION).read_bytes())["step"]
        return path.with_name(checkpoint_name(place_of(path)[0], step))
    except (OSError, ValueError, KeyError, TypeError):  # damaged, which resuming will tell
        return None


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


def _fill(
    temporary: Path,
    files: Mapping[str, Callable[[Path], None]],
    identity: RunIdentity,
    position: dict[str, int],
) -> None:
    for name, write_file in files.items():
        write_file(temporary / name)
    manifest = manifest_bytes(identity, position, describe(temporary))
    (temporary / MANIFEST).write_bytes(manifest)
    (temporary / SEAL).write_text(seal(temporary), encoding="ascii")


CHECKPOINTS = "checkpoints"

Resume = Path | Literal["auto", "never"]
"""A checkpoint's folder, the newest valid one, or a start from the beginning."""


class RunExists(TrainError):
    """The folder holds a run that was not to be gone on with."""

    def __init__(self, out: Path) -> None:
        super().__init__(
            f"{out}: a run has checkpoints here, and --resume never forbids to go on with it. Name "
            "another folder with --out, or take --resume auto to go on."
        )


class OtherRecipe(TrainError):
    """The folder holds a run of another recipe."""

    def __init__(self, out: Path, differing: list[str]) -> None:
        super().__init__(
            f"{out}: the run here was begun with another recipe: {'; '.join(differing)}. Go on "
            "with what it was begun with, or begin another run with another --out."
        )


class StagesOutOfOrder(TrainError):
    """The wanted stages cannot follow what the checkpoint stands for."""

    def __init__(self, checkpoint: Checkpoint, why: str) -> None:
        super().__init__(
            f"{checkpoint.path}: {why}. Take --stages both to go on with all that is left, or "
            "begin another run with another --out."
        )


class CheckpointsDiffer(TrainError):
    """Processes on several machines do not see the same checkpoints."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(
            f"the processes would go on from different checkpoints ({', '.join(names)}). The first "
            "one alone writes them: put the run's folder on a disk that all machines share, or "
            "copy its `checkpoints` to the others."
        )


def where_to_go_on(
    out: Path, resume: Resume, recipe: Recipe, identity: RunIdentity, chats: Mapping[str, str]
) -> tuple[Checkpoint | None, list[Skipped]]:
    """Return the checkpoint of a run's folder to go on from, if any, and those passed over.

    `chats` are the digests of own chats, by their names. Raises RunExists, NoCheckpoint,
    DamagedCheckpoint, ForeignCheckpoint, OtherRecipe, ChatsChanged and StagesOutOfOrder.
    """
    try:
        checkpoint, skipped = chosen(out, resume, identity)
    except ForeignCheckpoint as error:
        if differing := options_that_differ(out, recipe):
            raise OtherRecipe(out, differing) from error
        if changed := chats_that_differ(out, chats):
            raise ChatsChanged(out, changed) from error
        raise
    if checkpoint is not None:
        check_order(checkpoint, recipe)
    return checkpoint, skipped


def chosen(
    out: Path, resume: Resume, identity: RunIdentity
) -> tuple[Checkpoint | None, list[Skipped]]:
    """Return the checkpoint that is named, or the newest sound one."""
    folder = out / CHECKPOINTS
    if isinstance(resume, Path):
        return open_checkpoint(resume, identity), []
    if resume == "never" and checkpoint_folders(folder):
        raise RunExists(out)
    return newest_valid(folder, identity)


def options_that_differ(out: Path, recipe: Recipe) -> list[str]:
    """Return in what the recipe differs from the one that the run's folder was begun with."""
    begun = out / "recipe.json"
    return differences(load(begun), recipe) if begun.is_file() else []


def chats_that_differ(out: Path, chats: Mapping[str, str]) -> list[str]:
    """Return names of own chats that are other ones than those that the run was begun with."""
    begun = told_of(out / "run.json").get("chats")
    known = begun if isinstance(begun, list) else []
    before = {each["name"]: each["sha256"] for each in known}
    return [name for name, sha256 in chats.items() if before.get(name, sha256) != sha256]


def told_of(path: Path) -> dict[str, object]:
    """Return what a JSON file of a run holds, nothing if it cannot be read."""
    try:
        return parse_object(path.read_bytes())
    except (OSError, ValueError):
        return {}


def check_order(checkpoint: Checkpoint, recipe: Recipe) -> None:
    """Raise StagesOutOfOrder where a wanted stage would be skipped, or an unfinished one left."""
    stage, step, steps = (checkpoint.position[name] for name in ("stage", "step", "steps"))
    wanted = [number for number, each in ((1, recipe.stage1), (2, recipe.stage2)) if each.enabled]
    if step < steps and stage not in wanted:
        why = f"stage {stage} stands at step {step} of {steps}, and is not among the wanted stages"
        raise StagesOutOfOrder(checkpoint, why)
    if max(wanted) < stage:
        raise StagesOutOfOrder(checkpoint, f"stage {stage} came already, and stage 1 comes before")
    beside = {path.name.partition("-")[0] for path in checkpoint_folders(checkpoint.path.parent)}
    for number in wanted:
        if number < stage and f"stage{number}" not in beside:
            why = f"stage {stage} was begun without stage {number}, which comes before"
            raise StagesOutOfOrder(checkpoint, why)


def check_tokens(checkpoint: Checkpoint, tokens: Mapping[int, str]) -> None:
    """Raise ForeignCheckpoint if the stage that goes on would read other tokens than it began with.

    `tokens` are the digests of what the stages read. Neither release nor recipe tell of that: a
    tokenizer or general text may change under its name.
    """
    read, theirs = tokens.get(checkpoint.position["stage"]), checkpoint.identity
    if read is not None and theirs.tokens:
        compare(checkpoint, replace(theirs, tokens=read))


def check_weights(checkpoint: Checkpoint, weights: str) -> None:
    """Raise ForeignCheckpoint if the base model's weights are not those that the run began with.

    A folder's files can be replaced, and a branch on the Hub moves, while the name stays.
    """
    theirs = checkpoint.identity
    if theirs.weights:
        compare(checkpoint, replace(theirs, weights=weights))


def check_agreed(found: Sequence[Checkpoint | None]) -> None:
    """Raise CheckpointsDiffer if not all processes found the same checkpoint to go on from."""
    told = [(each.name, each.files) if each else None for each in found]
    if any(each != told[0] for each in told):
        raise CheckpointsDiffer([each.name if each else "none" for each in found])


def rewind(out: Path, resume: Resume, checkpoint: Checkpoint) -> None:
    """Remove what stands further than a checkpoint that was named, as the next save would.

    Its metrics go now. A run that is killed before that save must not go on from there without.
    """
    if isinstance(resume, Path):
        place = checkpoint.position["stage"], checkpoint.position["step"]
        give_way(out / CHECKPOINTS, place)
