"""Elixir source to modules and functions."""

from corpus.elixir.extract import extract
from corpus.elixir.markup import extract_eex, extract_heex
from corpus.elixir.repair import parses
from corpus.elixir.surroundings import (
    KERNEL,
    MOST_NEEDS,
    Need,
    Signature,
    Surroundings,
    Uses,
    unquotes_outside_quote,
)

__all__ = [
    "KERNEL",
    "MOST_NEEDS",
    "Need",
    "Signature",
    "Surroundings",
    "Uses",
    "extract",
    "extract_eex",
    "extract_heex",
    "parses",
    "unquotes_outside_quote",
]
