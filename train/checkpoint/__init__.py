"""Checkpoints that can be trusted: whole or absent, every file's digest known."""

from train.checkpoint.manifest import Checkpoint, Identity
from train.checkpoint.reading import (
    DamagedCheckpoint,
    ForeignCheckpoint,
    NoCheckpoint,
    Skipped,
    checkpoint_folders,
    checkpoint_name,
    compare,
    newest_valid,
    open_checkpoint,
)
from train.checkpoint.settings import CheckpointSettings, SelectionSettings
from train.checkpoint.writing import CheckpointNotWritten, give_way, prune, write

__all__ = [
    "Checkpoint",
    "CheckpointNotWritten",
    "CheckpointSettings",
    "DamagedCheckpoint",
    "ForeignCheckpoint",
    "Identity",
    "NoCheckpoint",
    "SelectionSettings",
    "Skipped",
    "checkpoint_folders",
    "checkpoint_name",
    "compare",
    "give_way",
    "newest_valid",
    "open_checkpoint",
    "prune",
    "write",
]
