"""Elixir source to modules and functions."""

from corpus.elixir.extract import extract

__all__ = ["extract"]
