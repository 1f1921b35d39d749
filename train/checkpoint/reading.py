"""Choosing the checkpoint to go on from: the newest that is sound and of the same run."""

import re
from dataclasses import dataclass, fields, replace
from pathlib import Path

from train.checkpoint.manifest import Checkpoint, Identity, OtherFormat, Unsound, verified
from train.errors import TrainError

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


def newest_valid(folder: Path, identity: Identity) -> tuple[Checkpoint | None, list[Skipped]]:
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


def open_checkpoint(path: Path, identity: Identity) -> Checkpoint:
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


def completed(identity: Identity, theirs: Identity) -> Identity:
    """Return an identity with what is known only once data and model are loaded, from another."""
    return replace(
        identity,
        tokens=identity.tokens or theirs.tokens,
        weights=identity.weights or theirs.weights,
    )


def compare(checkpoint: Checkpoint, identity: Identity) -> None:
    """Raise ForeignCheckpoint if a checkpoint is of another run."""
    for each in fields(Identity):
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
