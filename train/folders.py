"""Folders of a run that are either whole or absent, written by `corpus.atomic`."""

from corpus.atomic import remove_folder, sweep, whole_folder

__all__ = ["remove_folder", "sweep", "whole_folder"]
