"""Checkpoints that can be trusted: whole or absent, every file's digest known."""
