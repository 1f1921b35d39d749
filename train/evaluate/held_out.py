"""Our own problems: what is cut out of a release's held-out functions.

A doctest problem asks for the body of a function, so that the doctest in its documentation passes.
A callback problem asks for a callback, so that its module compiles: the cheapest check of all, for
nothing is run, so it asks for names, arities and syntax, not for sense. Whether a file compiles
without other packages is for `train.evaluate.judge.calibrate` to say.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import TypedDict

from corpus.release import Release
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


class Clause(TypedDict):
    """Where a clause of a function stands: what is read of `corpus.tables.CLAUSE`."""

    start_byte: int
    end_byte: int


class Function(TypedDict):
    """What is read of a row of the release's table `functions`."""

    document_id: str
    module: str
    name: str
    arity: int
    kind: str
    clauses: Sequence[Clause]
    doc: str | None
    impl: str | None


class Behaviour(TypedDict):
    """What is read of `corpus.tables.BEHAVIOUR`."""

    name: str


class Module(TypedDict):
    """What is read of `corpus.tables.MODULE`."""

    name: str
    behaviours: Sequence[Behaviour]


@dataclass(frozen=True, slots=True)
class LibraryFile:
    """One Elixir file of a package's library."""

    package: str
    """Name and version."""
    path: str
    text: str
    modules: Sequence[Module]
    functions: list[Function] = field(default_factory=list)
    name: str = ""
    """Of the package, without its version."""

    def identity(self, function: Function) -> str:
        """Return what names one of its functions in a release."""
        name = f"{function['module']}.{function['name']}/{function['arity']}"
        return f"{self.package}/{self.path}:{name}"

    def names(self) -> set[str]:
        """Return the last parts of its modules' names, by which other files call them."""
        return {each["name"].rpartition(".")[2] for each in self.modules}


def cut_doctests(
    release: Release, splits: Sequence[str] = SPLITS, most: int = 200
) -> list[Problem]:
    """Return one problem a function with examples and one clause, at most so many."""
    return drawn(asked(release, splits, has_examples, doctest_problem), most)


def has_examples(document: LibraryFile, function: Function) -> bool:
    """Tell whether a function's documentation has a doctest."""
    return "iex>" in (function["doc"] or "")


def doctest_problem(
    document: LibraryFile, function: Function, package: Sequence[LibraryFile]
) -> Problem | None:
    """Return the problem of one function; None where it has no body that could be cut out."""
    tests = {"test/completed_test.exs": doctest_of(function)}
    return completion(DOCTEST, document, function, package, BODY, tests)


def completion(
    source: str,
    document: LibraryFile,
    function: Function,
    package: Sequence[LibraryFile],
    start: str,
    tests: Mapping[str, str],
) -> Problem | None:
    """Return the problem of writing a function's one clause from the match of `start` to its end.

    None where that cannot be cut out whole, or where the file needs more than the package.
    """
    clause = only_clause(document, function)
    piece = clause and cut(document.text, clause, start)
    files = needed(document, package)
    if not piece or files is None:
        return None
    return Problem(
        identity=f"{source}/{document.identity(function)}",
        source=source,
        prompt=Prompt(text=piece.before, stop=(piece.stop,)),
        before=piece.before,
        after=piece.after,
        path=document.path,
        files=files,
        tests=tests,
        reference=piece.reference,
    )


def doctest_of(function: Function) -> str:
    """Return the test; examples that leave the module's name out have it imported."""
    called = f"{function['module'].rpartition('.')[2]}.{function['name']}"
    imports = "" if called in (function["doc"] or "") else ", import: true"
    return DOCTESTED.format(
        module=function["module"], name=function["name"], arity=function["arity"], imports=imports
    )


def cut_callbacks(
    release: Release, splits: Sequence[str] = SPLITS, most: int = 200
) -> list[Problem]:
    """Return one problem a callback with one clause, at most so many."""
    return drawn(asked(release, splits, is_callback, callback_problem), most)


def is_callback(document: LibraryFile, function: Function) -> bool:
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


def callback_problem(
    document: LibraryFile, function: Function, package: Sequence[LibraryFile]
) -> Problem | None:
    """Return the problem of one callback; None where it could not be cut out whole."""
    name, arity = function["name"], function["arity"]
    test = WRITTEN.format(path=document.path, name=name, arity=arity)
    start = rf"def {re.escape(name)}\("
    tests = {"test/completed_test.exs": test}
    return completion(CALLBACK, document, function, package, start, tests)


def packages(release: Release, split: str) -> Iterator[list[LibraryFile]]:
    """Yield the library files of each package's version in a split, with their functions."""
    by_package: dict[str, list[LibraryFile]] = defaultdict(list)
    by_id: dict[str, LibraryFile] = {}
    documents = release.batches("documents", DOCUMENTS, split)
    for row in chain.from_iterable(batch.to_pylist() for batch in documents):
        if row["language"] == "elixir" and row["role"] == "library":
            package = f"{row['package']}-{row['version']}"
            document = LibraryFile(
                package, row["path"], row["text"], row["modules"], name=row["package"]
            )
            by_package[document.package].append(document)
            by_id[row["document_id"]] = document
    functions = release.batches("functions", FUNCTIONS, split)
    for row in chain.from_iterable(batch.to_pylist() for batch in functions):
        if row["document_id"] in by_id:
            by_id[row["document_id"]].functions.append(row)
    for name in sorted(by_package):
        yield sorted(by_package[name], key=lambda document: document.path)


def needed(document: LibraryFile, package: Sequence[LibraryFile]) -> dict[str, str] | None:
    """Return the package's other files that a file names, and those that these name, by path.

    None where they are so many that compiling them for each completion would take too long.
    """
    owners: dict[str, list[LibraryFile]] = defaultdict(list)
    for each in package:
        for name in each.names():
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


@dataclass(frozen=True, slots=True)
class Cut:
    """A source text with a piece taken out."""

    before: str
    reference: str
    """The piece."""
    after: str
    stop: str
    """What a completion ends before; `after` begins with it."""


def cut(text: str, clause: Clause, opening: str) -> Cut | None:
    """Take a function's only clause out of its file, from the end of `opening` to its own end.

    `opening` is a regular expression that matches at the clause's beginning; what it matches stays.
    None where the clause is not laid out as `mix format` does it, so that its end is not sure.
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
    return Cut(prefix + opened[0], reference, rest, stop)


def only_clause(document: LibraryFile, function: Function) -> Clause | None:
    """Return the clause of a public function that has one, and whose name and arity are its own."""
    same = [
        each
        for each in document.functions
        if (each["name"], each["arity"]) == (function["name"], function["arity"])
    ]
    if function["kind"] != "def" or len(function["clauses"]) != 1 or len(same) != 1:
        return None
    return function["clauses"][0]


def asked(
    release: Release,
    splits: Sequence[str],
    is_wanted: Callable[[LibraryFile, Function], bool],
    problem: Callable[[LibraryFile, Function, Sequence[LibraryFile]], Problem | None],
) -> Iterator[Problem]:
    """Yield the problem of every function that is wanted and can be made one of."""
    for split in splits:
        for package in packages(release, split):
            for document in package:
                for function in filter(partial(is_wanted, document), document.functions):
                    if made := problem(document, function, package):
                        yield replace(made, package=document.name)


def drawn(problems: Iterable[Problem], most: int) -> list[Problem]:
    """Return at most so many problems, always the same ones of a release, of any package."""
    ranked = sorted(problems, key=lambda each: hashlib.sha256(each.identity.encode()).digest())
    return sorted(ranked[:most], key=lambda each: each.identity)
