"""What no source of the project may hold: patterns that some supported Python gets wrong, and calls
that could execute code out of a model's folder."""

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
    "pages",
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


OWN_CODE = {"from_pretrained", "from_config", "load_dataset", "pipeline"}
"""Calls that execute Python code of a model or data set, or ask whether to, unless forbidden."""
HARMLESS = {"PeftModel", "LoraConfig", "PeftConfig"}
"""Classes whose `from_pretrained` reads an adapter, which cannot bring code."""


def trusting(source: str) -> list[int]:
    """Return the lines of calls that do not say `trust_remote_code=False`."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else None
        if isinstance(node.func, ast.Name):
            name = node.func.id
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        if name not in OWN_CODE or (isinstance(owner, ast.Name) and owner.id in HARMLESS):
            continue
        told = [each.value for each in node.keywords if each.arg == "trust_remote_code"]
        if not told or not isinstance(told[0], ast.Constant) or told[0].value is not False:
            found.append(node.lineno)
    return found


@pytest.mark.parametrize(
    "call",
    [
        "AutoModel.from_pretrained(name)",
        "AutoTokenizer.from_pretrained(name, trust_remote_code=True)",
        "chosen(name).from_pretrained(**place)",
        "AutoModel.from_config(config, trust_remote_code=asked)",
        "load_dataset(name)",
        "datasets.load_dataset(name)",
    ],
)
def test_a_call_that_could_execute_the_code_of_a_model_is_found(call: str) -> None:
    assert trusting(call) == [1]
    assert trusting("AutoModel.from_pretrained(name, trust_remote_code=False)") == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_no_call_executes_the_code_of_a_model(path: Path) -> None:
    assert trusting(path.read_text(encoding="utf-8")) == []


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
