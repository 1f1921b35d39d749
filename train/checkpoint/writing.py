"""Writing a checkpoint so that it is there whole or not at all, and removing old ones."""

from collections.abc import Callable, Mapping
from pathlib import Path

from corpus.untrusted import parse_object
from train.checkpoint.manifest import (
    MANIFEST,
    SEAL,
    Checkpoint,
    Identity,
    describe,
    manifest_bytes,
    seal,
    verified,
)
from train.checkpoint.reading import checkpoint_folders, checkpoint_name, place_of
from train.errors import TrainError
from train.folders import remove_folder, whole_folder

SELECTION = "selection.json"
"""The file of a checkpoint that tells its stage's best step so far, if the run selects one."""


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
    identity: Identity,
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


def _fill(
    temporary: Path,
    files: Mapping[str, Callable[[Path], None]],
    identity: Identity,
    position: dict[str, int],
) -> None:
    for name, write_file in files.items():
        write_file(temporary / name)
    manifest = manifest_bytes(identity, position, describe(temporary))
    (temporary / MANIFEST).write_bytes(manifest)
    (temporary / SEAL).write_text(seal(temporary), encoding="ascii")
