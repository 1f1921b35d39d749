"""The content of a parsed source file, in one form for every language.

Rows are named tuples: making one takes a third of the time of a frozen data class.
"""

from enum import StrEnum
from typing import Final, NamedTuple, Union

from corpus.processes import NO_PROCESSES, Processes

Term = Union[None, str, bool, list["Term"]]  # noqa: UP007 - a recursive alias needs the name
"""A piece of a macro that can be evaluated; `corpus.elixir.macros` has the list."""


class BehaviourEvidence(StrEnum):
    """The evidence for a behaviour; the last three are found by `corpus.behaviours`."""

    DIRECT = "direct"
    """The module has `@behaviour X` or `-behaviour(x)`."""
    STRUCTURAL = "structural"
    """The construct implies it: `defimpl` and `defexception`."""
    TABLE = "table"
    """The module has `use X`, and X is part of OTP or Elixir and sets that behaviour."""
    TRANSITIVE = "transitive"
    """A macro of the same package sets it, which the module uses."""
    CROSS_PACKAGE = "cross_package"
    """A macro of another package sets it."""
    SHAPE = "shape"
    """Only an `@impl X` names it."""


class Behaviour(NamedTuple):
    """One behaviour of a module; `confidence` is in [0, 1]."""

    name: str
    evidence: BehaviourEvidence
    confidence: float


class TypeDefinition(NamedTuple):
    """`@type`, `@typep` or `@opaque` (`kind` without the @); the line counts from 1."""

    name: str
    arity: int
    kind: str
    line: int


class Callback(NamedTuple):
    """`@callback` or `@macrocallback` (`kind` without the @)."""

    name: str
    arity: int
    kind: str
    optional: bool
    line: int


class Module(NamedTuple):
    """One module, protocol or protocol implementation; lines count from 1, inclusive.

    `doc` is the text of the moduledoc, `doc_kind` "string", "hidden" (`@moduledoc false`) or None.
    A "string" that is only known at run time (`File.read!("README.md")`) has no text: None.
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
    """Exported names and arities for Erlang, all functions with `export_all`; empty for Elixir."""
    used: str = ""
    """What it uses and with which arguments, as JSON for `corpus.behaviours`; empty for nothing."""
    macros: str = ""
    """Functions that build code for other modules, as JSON (`corpus.elixir.macros`), or empty."""
    processes: Processes = NO_PROCESSES


new: Final = tuple.__new__
"""`new(Clause, values)` makes a named tuple in half the time of its constructor."""


class Clause(NamedTuple):
    """One clause: lines from 1, inclusive; byte range half open; the guard as it is written."""

    start_line: int
    end_line: int
    start_byte: int
    end_byte: int
    guard: str | None


class Function(NamedTuple):
    """One function or macro with all its clauses, in the order of the file.

    `defaults` counts default arguments: the function can be called with `arity - defaults` to
    `arity` arguments. `impl` is the value of `@impl` ("true", "false" or an expanded module name),
    else None. `branch` is the condition under which the function is compiled, outermost first, if
    it stands in a branch (`if Code.ensure_loaded?(JSON): else`): functions of one name and arity in
    different branches are alternatives, not clauses of one another.
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


class Component(NamedTuple):
    """One component or slot that a template calls.

    `kind` is "local" (`<.button>`), "remote" (`<Shop.Cart.row>`) or "slot" (`<:column>`); `name` is
    as it is written, without the sign. `module` is the one that defines it where the file tells
    that, else None. The line counts from 1.
    """

    name: str
    kind: str
    module: str | None
    line: int


class Fragment(NamedTuple):
    """A piece of a file in another language: a template, a sigil, or a block of code in prose.

    `kind` is "template" (the file itself), "sigil", "block" or "session" (code behind `iex>`).
    `language` is null where a block names none. `module` and `function`, as name/arity, hold a
    sigil. Lines count from 1, inclusive; bytes are half open. `is_parsed` is None for a language
    that is not read. Of the embedded `expressions` of a template, `expressions_parsed` have no
    error; `assigns` are those that they use, sorted.
    """

    kind: str
    language: str | None
    module: str | None
    function: str | None
    start_line: int
    end_line: int
    start_byte: int
    end_byte: int
    is_parsed: bool | None
    components: tuple[Component, ...] = ()
    assigns: tuple[str, ...] = ()
    expressions: int = 0
    expressions_parsed: int = 0


MOST_FRAGMENTS: Final = 5_000
"""Fragments of one file that are listed."""


class Extraction(NamedTuple):
    """The result of extraction from one file.

    `parse_errors` counts the parser's error and missing nodes. `doc_spans` are sorted, half-open
    byte ranges of documentation, for comparing code without it. `unread_bytes` counts the bytes
    that could not be read: lines for Elixir, forms and bodies of clauses for Erlang.
    """

    parse_errors: int
    modules: tuple[Module, ...]
    functions: tuple[Function, ...]
    doc_spans: tuple[tuple[int, int], ...]
    unread_bytes: int = 0
    fragments: tuple[Fragment, ...] = ()
