"""Our own problems: what is cut out of a release's held-out functions.

A doctest problem asks for the body of a function, so that the doctest in its documentation passes.
A callback problem asks for a callback, so that its module compiles: the cheapest check of all, for
nothing is run, so it asks for names, arities and syntax, not for sense. Whether a file compiles
without other packages is for `train.evaluate.judge.calibrate` to say.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from corpus.release import Release
from corpus.rows import ClauseRow, FunctionRow, ModuleRow
from train.evaluate.problems import Problem, Prompt

DOCTEST, CALLBACK = "doctest", "callback"
SPLITS = ("validation", "test")
DOCUMENTS = ("document_id", "package", "version", "path", "language", "role", "text", "modules")
FUNCTIONS = ("document_id", "module", "name", "arity", "kind", "clauses", "doc", "impl")
MODULE_NAME = re.compile(r"\b[A-Z]\w*\b")
MOST_FILES = 60

BODY = r"[^\n]*?, do:|(?s:.*?) do\n"
"""A head up to where the body begins: on the same line, or on the next."""
DOCTESTED = """\
defmodule CompletedTest do
  use ExUnit.Case, async: true
  doctest {module}, only: ["{name}": {arity}]{imports}
end
"""
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
WRITTEN = """\
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


@dataclass(frozen=True, slots=True)
class LibraryFile:
    """One Elixir file of a package's library."""

    package: str
    version: str
    path: str
    text: str
    modules: Sequence[ModuleRow]
    functions: list[FunctionRow] = field(default_factory=list)
    """Of each only what `FUNCTIONS` names."""

    def only_clause(self, function: FunctionRow) -> ClauseRow | None:
        """Return the clause of a public function that has one, and its name and arity alone."""
        same = [
            each
            for each in self.functions
            if (each["name"], each["arity"]) == (function["name"], function["arity"])
        ]
        if function["kind"] != "def" or len(function["clauses"]) != 1 or len(same) != 1:
            return None
        return function["clauses"][0]


def cut_doctests(
    release: Release, splits: Sequence[str] = SPLITS, most: int = 200
) -> list[Problem]:
    """Return one problem a function with examples and one clause, at most so many.

    Examples that leave the module's name out have it imported.
    """
    found: list[Problem] = []
    for document, function, package in functions_of(release, splits):
        told, module, name = function["doc"] or "", function["module"], function["name"]
        if "iex>" in told:
            is_named = f"{module.rpartition('.')[2]}.{name}" in told
            test = DOCTESTED.format(
                module=module,
                name=name,
                arity=function["arity"],
                imports="" if is_named else ", import: true",
            )
            found += completion(DOCTEST, document, function, package, BODY, test)
    return drawn(found, most)


def cut_callbacks(
    release: Release, splits: Sequence[str] = SPLITS, most: int = 200
) -> list[Problem]:
    """Return one problem a callback with one clause, at most so many."""
    found: list[Problem] = []
    for document, function, package in functions_of(release, splits):
        if is_callback(document, function):
            name, arity = function["name"], function["arity"]
            test = WRITTEN.format(path=document.path, name=name, arity=arity)
            start = rf"def {re.escape(name)}\("
            found += completion(CALLBACK, document, function, package, start, test)
    return drawn(found, most)


def is_callback(document: LibraryFile, function: FunctionRow) -> bool:
    """Tell whether a behaviour asks for a function, by `@impl` or by what OTP asks for."""
    if function["impl"] is not None:
        return bool(function["impl"] != "false")
    own = (each for each in document.modules if each["name"] == function["module"])
    has_behaviour = any(each["behaviours"] for each in own)
    return has_behaviour and (function["name"], function["arity"]) in OTP


def completion(
    source: str,
    document: LibraryFile,
    function: FunctionRow,
    package: Sequence[LibraryFile],
    start: str,
    test: str,
) -> Iterator[Problem]:
    """Yield the problem of writing a function's one clause from the match of `start` to its end.

    None where that cannot be cut out whole, or where the file needs more than the package.
    """
    clause = document.only_clause(function)
    piece = clause and cut(document.text, clause, start)
    files = needed(document, package)
    if not piece or files is None:
        return
    before, reference, after, stop = piece
    name = f"{function['module']}.{function['name']}/{function['arity']}"
    yield Problem(
        identity=f"{source}/{document.package}-{document.version}/{document.path}:{name}",
        source=source,
        prompt=Prompt(text=before, stop=(stop,)),
        before=before,
        after=after,
        package=document.package,
        path=document.path,
        files=files,
        tests={"test/completed_test.exs": test},
        reference=reference,
    )


def functions_of(
    release: Release, splits: Iterable[str]
) -> Iterator[tuple[LibraryFile, FunctionRow, Sequence[LibraryFile]]]:
    """Yield every function of libraries with its file and all files of its package's version."""
    for split in splits:
        packages: dict[str, list[LibraryFile]] = defaultdict(list)
        by_id: dict[str, LibraryFile] = {}
        documents = release.batches("documents", DOCUMENTS, split)
        for row in chain.from_iterable(batch.to_pylist() for batch in documents):
            if row["language"] == "elixir" and row["role"] == "library":
                names = ("package", "version", "path", "text", "modules")
                document = LibraryFile(**{name: row[name] for name in names})
                packages[f"{document.package}-{document.version}"].append(document)
                by_id[row["document_id"]] = document
        functions = release.batches("functions", FUNCTIONS, split)
        for row in chain.from_iterable(batch.to_pylist() for batch in functions):
            if row["document_id"] in by_id:
                by_id[row["document_id"]].functions.append(row)
        for _, files in sorted(packages.items()):
            files.sort(key=lambda document: document.path)
            for document in files:
                for function in document.functions:
                    yield document, function, files


def needed(document: LibraryFile, package: Sequence[LibraryFile]) -> dict[str, str] | None:
    """Return the package's other files that a file names, and those that these name, by path.

    Modules are named by the last parts of their names. None where the files are so many that
    compiling them for each completion would take too long.
    """
    owners: dict[str, list[LibraryFile]] = defaultdict(list)
    for each in package:
        for name in {module["name"].rpartition(".")[2] for module in each.modules}:
            owners[name].append(each)
    found = {document.path: document}
    waiting = [document]
    while waiting:
        for name in set(MODULE_NAME.findall(waiting.pop().text)) & owners.keys():
            for owner in owners[name]:
                if owner.path not in found:
                    found[owner.path] = owner
                    waiting.append(owner)
    if len(found) > MOST_FILES:
        return None
    return {path: each.text for path, each in sorted(found.items()) if each is not document}


def cut(text: str, clause: ClauseRow, opening: str) -> tuple[str, str, str, str] | None:
    """Take a function's only clause out of its file, from the end of `opening` to its own end.

    `opening` is a regular expression that matches at the clause's beginning; what it matches stays.
    Return what stands before, the piece, what stands after, and with what the latter begins, so
    that a completion ends before it. None where the clause is not laid out as `mix format` does
    it, so that its end is not sure.
    """
    encoded = text.encode()
    start, end = clause["start_byte"], clause["end_byte"]
    prefix, source = encoded[:start].decode(), encoded[start:end].decode()
    indent = prefix.rpartition("\n")[2]
    opened = re.match(opening, source)
    if opened is None or indent.strip():
        return None
    closing = f"\n{indent}end" if source.endswith(f"\n{indent}end") else ""
    rest = closing + encoded[end:].decode()
    reference = source[opened.end() : len(source) - len(closing)]
    stop = closing or "\n"
    if not reference.strip() or stop in reference or not rest.startswith(stop):
        return None
    return prefix + opened[0], reference, rest, stop


def drawn(problems: Iterable[Problem], most: int) -> list[Problem]:
    """Return at most so many problems, always the same ones of a release, of any package."""
    ranked = sorted(problems, key=lambda each: hashlib.sha256(each.identity.encode()).digest())
    return sorted(ranked[:most], key=lambda each: each.identity)
