"""Elixir source to modules and functions."""

from corpus.elixir.extract import extract
from corpus.elixir.quoting import unquotes_outside_quote
from corpus.elixir.surroundings import Need, Surroundings

__all__ = ["Need", "Surroundings", "extract", "unquotes_outside_quote"]
