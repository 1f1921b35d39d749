"""One source file as the JSON object that `python -m corpus inspect` prints."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

from corpus.errors import CorpusError
from corpus.extraction import Extraction, Function, Module
from corpus.filters import decode
from corpus.reasons import Reject
from corpus.supervision import Budget, Cause, Ended, Watch, watched

LANGUAGES = {".ex": "elixir", ".exs": "elixir", ".erl": "erlang", ".hrl": "erlang"}
NOT_SOURCE = frozenset({"_build", "deps", "node_modules"})
"""Folders that hold what tools made or fetched; hidden ones are not entered either."""


class OtherLanguage(CorpusError):
    """The name of a file does not say that it is Elixir or Erlang."""


class OverBudget(CorpusError):
    """Reading a file took more than hostile input may cost."""


class UnreadableFile(CorpusError):
    """A file could not be read."""


def source_files(path: Path) -> Iterator[Path]:
    """Yield the source files below a folder in order, or `path` itself if it is none.

    Links to folders are not followed.
    """
    if not path.is_dir():
        yield path
        return
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(
            each for each in folders if each not in NOT_SOURCE and not each.startswith(".")
        )
        yield from (Path(folder, file) for file in sorted(files) if Path(file).suffix in LANGUAGES)


class Inspected(TypedDict):
    """What a file defines, as JSON-able values."""

    path: str
    language: str
    parse_errors: int
    modules: list[dict[str, object]]
    functions: list[dict[str, object]]


def inspect(path: Path) -> Inspected:
    """Parse the file at `path` and say what it defines, as JSON-able values.

    Raises UnreadableFile, OtherLanguage, NestedTooDeeply, Unparsable and OverBudget; their
    messages leave the path to the caller, who may be reading many.
    """
    if path.exists() and not path.is_file():
        raise UnreadableFile("not a file; give the path of a file that you may read")
    try:
        raw = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnreadableFile(f"{reason}; give the path of a file that you may read") from error
    return inspect_bytes(path, raw)


def inspect_bytes(path: Path, raw: bytes) -> Inspected:
    """Do what `inspect` does with bytes at hand, decoded as `build` does; the path names them."""
    language = language_of(path)
    text = decode(raw, language)
    if isinstance(text, Reject):
        raise UnreadableFile(f"{text.reason}: {text.detail}; save it in UTF-8")
    extraction = _extract(language, text.encode())
    return {
        "path": str(path),
        "language": language,
        "parse_errors": extraction.parse_errors,
        "modules": [_module(module) for module in extraction.modules],
        "functions": [_function(function) for function in extraction.functions],
    }


def language_of(path: Path) -> str:
    """Return "elixir" or "erlang" by the file's extension; raise OtherLanguage for others."""
    language = LANGUAGES.get(path.suffix)
    if language is None:
        raise OtherLanguage(f"only {', '.join(LANGUAGES)} files can be read; leave it out")
    return language


def _extract(language: str, raw: bytes) -> Extraction:
    """Extract in a helper process, within the budget that a build has for a step by default."""
    budget = Budget()
    found = watched(_extract_there, (language, raw), budget)
    if isinstance(found, Ended):
        took = {
            Cause.MEMORY: f"more than {budget.memory} bytes of memory",
            Cause.DIED: "its process down",
        }.get(found.cause, f"more than {budget.file_seconds} s of processor time")
        raise OverBudget(f"reading it took {took}; only hostile input does that: leave it out")
    return found


def _extract_there(task: tuple[str, bytes], watch: Watch) -> Extraction:
    language, raw = task
    if language == "erlang":
        from corpus.erlang import extract
    else:
        from corpus.elixir import extract
    with watch.group(0, 2 * Budget().file_seconds), watch.step(0):
        return extract(raw)


def _module(module: Module) -> dict[str, object]:
    return {
        "name": module.name,
        "kind": module.kind,
        "start_line": module.start_line,
        "end_line": module.end_line,
        "moduledoc": module.doc_kind,
        "uses": list(module.uses),
        "behaviours": [behaviour.name for behaviour in module.behaviours],
    }


def _function(function: Function) -> dict[str, object]:
    return {
        "module": function.module,
        "name": function.name,
        "arity": function.arity,
        "defaults": function.defaults,
        "kind": function.kind,
        "clauses": [[clause.start_line, clause.end_line] for clause in function.clauses],
        "doc": function.doc_kind,
        "specs": len(function.specs),
        "impl": function.impl,
        "branch": function.branch,
    }
