"""Elixir source to modules and functions."""

from corpus.elixir.extract import extract
from corpus.elixir.quoting import unquotes_outside_quote

__all__ = ["extract", "unquotes_outside_quote"]
