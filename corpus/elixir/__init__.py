"""Elixir source to modules and functions."""

from corpus.elixir.extract import extract
from corpus.elixir.quoting import unquotes_outside_quote
from corpus.elixir.surroundings import MOST_NEEDS, Need, Surroundings

__all__ = ["MOST_NEEDS", "Need", "Surroundings", "extract", "unquotes_outside_quote"]
