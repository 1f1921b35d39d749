"""Writing a checkpoint so that it is there whole or not at all, and removing old ones."""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from corpus.atomic import flush_to_disk, is_temporary
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
from train.checkpoint.reading import checkpoint_folders, place_of
from train.errors import TrainError


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
        folder.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder, prefix=f".{name}.", suffix=".tmp"))
        try:
            _fill(temporary, files, identity, position)
            _publish(temporary, destination)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except Exception as error:  # on a full disk torch raises RuntimeError, safetensors its own
        raise CheckpointNotWritten(destination, error) from error
    for path in checkpoint_folders(folder):
        if place_of(path) > place_of(destination):
            _remove(path)
    return verified(destination)


def prune(folder: Path, keep: int) -> None:
    """Remove all but the newest `keep` checkpoints, at least one, and the newest of each stage."""
    ordered = sorted(checkpoint_folders(folder), key=place_of)
    newest_of_stage = {place_of(path)[0]: path for path in ordered}
    for path in ordered[: -max(1, keep)]:
        if path not in newest_of_stage.values():
            _remove(path)


def sweep(folder: Path) -> None:
    """Remove what killed runs left half written."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if is_temporary(path.name):
            shutil.rmtree(path, ignore_errors=True)


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
    for path in temporary.iterdir():
        flush_to_disk(path)
    _flush_folder(temporary)
    temporary.chmod(0o755)


def _publish(temporary: Path, destination: Path) -> None:
    if destination.exists():
        _remove(destination)
    temporary.rename(destination)
    _flush_folder(destination.parent)


def _remove(path: Path) -> None:
    """Take the name away first: a folder half removed must not look like a checkpoint."""
    doomed = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"))
    path.rename(doomed / path.name)
    shutil.rmtree(doomed)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
