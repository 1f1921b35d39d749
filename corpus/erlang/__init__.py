"""Erlang source to its module and functions."""

from corpus.erlang.extract import extract

__all__ = ["extract"]
