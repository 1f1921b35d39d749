"""What instructions are made of: the Elixir modules that packages are made of."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from corpus.rows import FunctionRow, ModuleRow

COLUMNS = ["document_id", "language", "role", "parse_errors", "license_expression", "split"]


@dataclass(frozen=True, slots=True)
class Material:
    """One document with what was read from it; modules and functions as their rows."""

    document_id: str
    license_expression: str
    split: str
    text: bytes
    modules: Sequence[ModuleRow]
    functions: Sequence[FunctionRow]


def documentation_of(item: ModuleRow | FunctionRow) -> str:
    """Return the documentation of a module or function, with Unix line ends.

    Empty where there is none, where it is hidden, and where only running the code could tell it:
    `@moduledoc File.read!("README.md")` is of the kind "string", but has no text.
    """
    return (item["doc"] or "").replace("\r\n", "\n").strip()


def library_modules(documents: pa.Table, functions: pa.Table) -> Iterator[Material]:
    """Yield the Elixir documents of libraries that parse without an error, in order."""
    owned: defaultdict[str, list[FunctionRow]] = defaultdict(list)
    for function in functions.to_pylist():
        owned[function["document_id"]].append(function)
    for row in documents.select([*COLUMNS, "text", "modules"]).to_pylist():
        if (row["language"], row["role"], row["parse_errors"]) == ("elixir", "library", 0):
            yield Material(
                row["document_id"],
                row["license_expression"],
                row["split"],
                row["text"].encode(),
                row["modules"],
                owned[row["document_id"]],
            )
