"""Checkpoints that can be trusted: whole or absent, every file's digest known."""

from train.checkpoint.settings import CheckpointSettings

__all__ = ["CheckpointSettings"]
