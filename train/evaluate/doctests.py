"""Our own problems: complete the body of a held-out function so that its doctest passes."""

from collections.abc import Sequence

from corpus.release import Release
from train.evaluate.held_out import SPLITS, Document, Row, asked, cut, drawn, needed, only_clause
from train.evaluate.problems import Problem, Prompt

SOURCE = "doctest"
BODY = r"[^\n]*?, do:|(?s:.*?) do\n"
"""A head up to where the body begins: on the same line, or on the next."""
TEST = """\
defmodule CompletedTest do
  use ExUnit.Case, async: true
  doctest {module}, only: ["{name}": {arity}]{imports}
end
"""


def load(release: Release, splits: Sequence[str] = SPLITS, most: int = 200) -> list[Problem]:
    """Return one problem a function with examples and one clause, at most so many.

    Whether its file compiles without other packages is for `train.evaluate.calibration` to say.
    """
    return drawn(asked(release, splits, has_examples, problem), most)


def has_examples(document: Document, function: Row) -> bool:
    """Tell whether a function's documentation has a doctest."""
    return "iex>" in (function["doc"] or "")


def problem(document: Document, function: Row, package: Sequence[Document]) -> Problem | None:
    """Return the problem of one function; None where it has no body that could be cut out."""
    clause = only_clause(document, function)
    piece = clause and cut(document.text, clause, BODY)
    files = needed(document, package)
    if not piece or files is None:
        return None
    return Problem(
        identity=f"{SOURCE}/{document.identity(function)}",
        source=SOURCE,
        prompt=Prompt(text=piece.before, stop=(piece.stop,)),
        before=piece.before,
        after=piece.after,
        path=document.path,
        files=files,
        tests={"test/completed_test.exs": test(function)},
        reference=piece.reference,
    )


def test(function: Row) -> str:
    """Return the test; examples that leave the module's name out have it imported."""
    called = f"{function['module'].rpartition('.')[2]}.{function['name']}"
    imports = "" if called in function["doc"] else ", import: true"
    return TEST.format(
        module=function["module"], name=function["name"], arity=function["arity"], imports=imports
    )
