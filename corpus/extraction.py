"""What a parsed source file holds, in one shape for every language."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

MOST_ARGUMENTS: Final = 255
"""Arguments of a function (Erlang's Efficiency Guide, system limits); more compiles nowhere."""


class BehaviourEvidence(StrEnum):
    """How a behaviour is known; `transitive` and `cross_package` belong to a later stage."""

    DIRECT = "direct"
    """`@behaviour X` or `-behaviour(x)` stands in the module."""
    STRUCTURAL = "structural"
    """The construct itself implies it: `defimpl` and `defexception`."""
    TABLE = "table"
    """`use X`, where X is part of OTP or Elixir and is known to set that behaviour."""
    TRANSITIVE = "transitive"
    CROSS_PACKAGE = "cross_package"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One behaviour of a module; `confidence` lies in [0, 1]."""

    name: str
    evidence: BehaviourEvidence
    confidence: float


@dataclass(frozen=True, slots=True)
class TypeDefinition:
    """`@type`, `@typep` or `@opaque` (`kind` without the @); the line counts from 1."""

    name: str
    arity: int
    kind: str
    line: int


@dataclass(frozen=True, slots=True)
class Callback:
    """`@callback` or `@macrocallback` (`kind` without the @)."""

    name: str
    arity: int
    kind: str
    optional: bool
    line: int


@dataclass(frozen=True, slots=True)
class Module:
    """One module, protocol or protocol implementation; lines count from 1, inclusive.

    `doc` is the text of the moduledoc, `doc_kind` "string", "hidden" (`@moduledoc false`) or None.
    A "string" that only running the code could tell (`File.read!("README.md")`) has no text: None.
    """

    name: str
    kind: str
    start_line: int
    end_line: int
    doc: str | None
    doc_kind: str | None
    uses: tuple[str, ...]
    behaviours: tuple[Behaviour, ...]
    types: tuple[TypeDefinition, ...]
    callbacks: tuple[Callback, ...]
    exports: tuple[tuple[str, int], ...] = ()
    """Names and arities for Erlang, of all functions under `export_all`; empty for Elixir."""


new: Final = tuple.__new__
"""`new(Clause, values)` makes a named tuple in half the time that its own constructor takes."""


class Clause(NamedTuple):
    """One clause: lines from 1, inclusive; bytes half open; the guard as it is written."""

    start_line: int
    end_line: int
    start_byte: int
    end_byte: int
    guard: str | None


class Function(NamedTuple):
    """One function or macro with all its clauses, in the order of the file.

    `defaults` counts default arguments, so the function answers to `arity - defaults` to `arity`.
    `impl` is what stands after `@impl` ("true", "false" or an expanded module name), else None.
    `branch` is the condition under which the function is compiled, outermost first, if it stands in
    a branch (`if Code.ensure_loaded?(JSON): else`): functions of one name and arity in different
    branches are alternatives, not clauses of one another.
    """

    module: str
    name: str
    arity: int
    defaults: int
    kind: str
    clauses: tuple[Clause, ...]
    doc: str | None
    doc_kind: str | None
    specs: tuple[str, ...]
    impl: str | None
    branch: str | None = None


@dataclass(frozen=True, slots=True)
class Extraction:
    """All that was read from one file.

    `parse_errors` counts the parser's error and missing nodes. `doc_spans` are half-open byte
    ranges of documentation, sorted, for those who compare code without prose. `unread_bytes` counts
    the bytes of what could not be read: lines for Elixir, forms and bodies of clauses for Erlang.
    """

    parse_errors: int
    modules: tuple[Module, ...]
    functions: tuple[Function, ...]
    doc_spans: tuple[tuple[int, int], ...]
    unread_bytes: int = 0
