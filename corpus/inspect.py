"""Extraction of one source file as the JSON object that `python -m corpus inspect` prints."""

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
"""Folders with generated or fetched files; hidden folders are not entered either."""


class OtherLanguage(CorpusError):
    """The name of a file is not that of an Elixir or Erlang file."""


class OverBudget(CorpusError):
    """Reading a file exceeded its budget."""


class UnreadableFile(CorpusError):
    """A file could not be read."""


def source_files(path: Path) -> Iterator[Path]:
    """Yield the source files below a folder in order, or `path` itself if it is not a folder.

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
    """The definitions in a file, as values for JSON."""

    path: str
    language: str
    parse_errors: int
    modules: list[dict[str, object]]
    functions: list[dict[str, object]]


def inspect(path: Path) -> Inspected:
    """Parse the file at `path` and return its definitions, as values for JSON.

    Raises UnreadableFile, OtherLanguage, NestedTooDeeply, Unparsable and OverBudget; their messages
    do not contain the path, because a caller may read many files.
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
    """Do the same as `inspect` with given bytes, decoded as in a build; `path` is their name."""
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
    """Extract in a helper process, within the default budget of a step in a build."""
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
