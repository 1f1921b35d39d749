"""Patterns of the project: none with a construct that some supported Python gets wrong."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
PACKAGES = (
    "benchmarks",
    "corpus",
    "crawler",
    "datacards",
    "demo",
    "quality",
    "sandbox",
    "train",
)
SOURCES = sorted(path for name in PACKAGES for path in (PROJECT / name).rglob("*.py"))

ATOMIC = re.compile(r"(?<!\\)(?:[\])\w.*+?}\"'/]|\\.)(?:[*+?]|\{\d*,?\d*\})\+|\(\?>")
"""A possessive quantifier or an atomic group, as it is written in a pattern. Up to Python 3.11.4
the former can match wrongly what it repeats (https://github.com/python/cpython/issues/106052)."""


def literals(source: str) -> Iterator[tuple[int, str]]:
    """Yield the strings and bytes of a module with their lines, documentation aside."""
    tree = ast.parse(source)
    told = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)
    }  # a string that is a statement: documentation
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in told:
            if isinstance(node.value, bytes):
                yield node.lineno, node.value.decode("latin-1")
            elif isinstance(node.value, str):
                yield node.lineno, node.value


@pytest.mark.parametrize(
    "pattern", ["a++", "[ab]*+c", "(?:ab)?+", "a{2,3}+", "(?>ab)", r"\s*+", r"\.{60,}+"]
)
def test_an_atomic_construct_is_found(pattern: str) -> None:
    assert ATOMIC.search(pattern)


@pytest.mark.parametrize("pattern", [r"\++", r"\+\+", "a+b+", r"(?:a)?\+", "[*+?]+", "<> ++ "])
def test_what_only_resembles_one_is_not(pattern: str) -> None:
    assert not ATOMIC.search(pattern)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_no_pattern_is_possessive_or_atomic(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert [line for line, text in literals(source) if ATOMIC.search(text)] == []
