"""Erlang source to its module and functions."""

from corpus.erlang.extract import extract, parses

__all__ = ["extract", "parses"]
