"""Our own problems: write a held-out module's callback so that the module compiles.

The cheapest check of all: nothing is run, so it asks for names, arities and syntax, not for sense.
"""

import re
from collections.abc import Sequence

from corpus.release import Release
from train.evaluate.held_out import SPLITS, Document, Row, asked, cut, drawn, needed, only_clause
from train.evaluate.problems import Problem, Prompt

SOURCE = "callback"
OTP = {
    ("code_change", 3),
    ("handle_call", 3),
    ("handle_cast", 2),
    ("handle_continue", 2),
    ("handle_info", 2),
    ("init", 1),
    ("start", 2),
    ("stop", 1),
    ("terminate", 2),
}
"""Callbacks of OTP's own behaviours, which are known without `@impl`."""
TEST = """\
defmodule CompletedTest do
  use ExUnit.Case, async: true

  test "the callback is written, not inherited" do
    syntax = Code.string_to_quoted!(File.read!("{path}"))

    {{_, written}} =
      Macro.prewalk(syntax, false, fn
        {{:def, _, [head | _]}} = node, written -> {{node, written or wanted?(head)}}
        node, written -> {{node, written}}
      end)

    assert written
  end

  defp wanted?({{:when, _, [head | _]}}), do: wanted?(head)
  defp wanted?({{name, _, given}}), do: name == :{name} and length(List.wrap(given)) == {arity}
end
"""


def load(release: Release, splits: Sequence[str] = SPLITS, most: int = 200) -> list[Problem]:
    """Return one problem a callback with one clause, at most so many.

    Whether its file compiles without other packages is for `train.evaluate.calibration` to say.
    """
    return drawn(asked(release, splits, is_callback, problem), most)


def is_callback(document: Document, function: Row) -> bool:
    """Tell whether a behaviour asks for a function, by `@impl` or by what OTP asks for."""
    if function["impl"] is not None:
        return bool(function["impl"] != "false")
    behaviours = [
        behaviour
        for module in document.modules
        if module["name"] == function["module"]
        for behaviour in module["behaviours"]
    ]
    return bool(behaviours) and (function["name"], function["arity"]) in OTP


def problem(document: Document, function: Row, package: Sequence[Document]) -> Problem | None:
    """Return the problem of one callback; None where it could not be cut out whole."""
    clause = only_clause(document, function)
    piece = clause and cut(document.text, clause, rf"def {re.escape(function['name'])}\(")
    files = needed(document, package)
    if not piece or files is None:
        return None
    name, arity = function["name"], function["arity"]
    return Problem(
        identity=f"{SOURCE}/{document.identity(function)}",
        source=SOURCE,
        prompt=Prompt(text=piece.before, stop=(piece.stop,)),
        before=piece.before,
        after=piece.after,
        path=document.path,
        files=files,
        tests={"test/completed_test.exs": TEST.format(path=document.path, name=name, arity=arity)},
        reference=piece.reference,
    )
