"""What is gathered about one module while the walk is inside it."""

from corpus.extraction import (
    Behaviour,
    Callback,
    Clause,
    Evidence,
    Function,
    Module,
    TypeDefinition,
)

PRIVATE = frozenset({"defp", "defmacrop", "defguardp"})
"""Kinds that take no documentation: the compiler warns and discards it."""


class FunctionRecord:
    """One function under way: clauses may stand apart, and each may bring attributes."""

    __slots__ = ("arity", "clauses", "defaults", "doc", "impl", "kind", "name")

    def __init__(self, kind: str, name: str, arity: int) -> None:
        self.kind, self.name, self.arity = kind, name, arity
        self.defaults = 0
        self.clauses: list[Clause] = []
        self.doc: tuple[str, str | None] | None = None
        self.impl: str | None = None


class ModuleRecord:
    """One module under way.

    `doc` and `impl` are pending: they belong to the next definition, whatever its name, and are
    gone after it. A doc is a pair of its kind ("string", "hidden") and its text.
    """

    __slots__ = (
        "behaviours", "callbacks", "doc", "end_line", "functions", "impl", "kind", "moduledoc",
        "name", "optional", "specs", "start_line", "types", "uses",
    )  # fmt: skip

    def __init__(self, kind: str, name: str, start_line: int, end_line: int) -> None:
        self.kind, self.name = kind, name
        self.start_line, self.end_line = start_line, end_line
        self.moduledoc: tuple[str, str | None] | None = None
        self.doc: tuple[str, str | None] | None = None
        self.impl: str | None = None
        self.uses: dict[str, None] = {}
        self.behaviours: dict[str, Evidence] = {}
        self.types: list[TypeDefinition] = []
        self.callbacks: list[tuple[str, int, str, int]] = []
        self.optional: set[tuple[str, int]] = set()
        self.specs: dict[tuple[str, int], list[str]] = {}
        self.functions: dict[tuple[str, int, str], FunctionRecord] = {}

    def add_clause(self, kind: str, name: str, arity: int, defaults: int, clause: Clause) -> None:
        """Add a clause to its function and give it the pending attributes."""
        key = (name, arity, kind)
        function = self.functions.get(key)
        if function is None:
            function = self.functions[key] = FunctionRecord(kind, name, arity)
        function.clauses.append(clause)
        if defaults > function.defaults:
            function.defaults = defaults
        if self.doc is not None and kind not in PRIVATE:
            function.doc = self.doc
        if self.impl is not None:
            function.impl = self.impl

    def settle(self) -> None:
        """Forget pending attributes: a definition has taken them."""
        self.doc = self.impl = None

    def add_behaviour(self, name: str, evidence: Evidence) -> None:
        """Note a behaviour; the first evidence stands."""
        self.behaviours.setdefault(name, evidence)

    def module(self) -> Module:
        """Return the finished module."""
        doc_kind, doc = self.moduledoc or (None, None)
        return Module(
            self.name, self.kind, self.start_line, self.end_line, doc, doc_kind,
            tuple(self.uses),
            tuple(Behaviour(name, evidence, 1.0) for name, evidence in self.behaviours.items()),
            tuple(self.types),
            tuple(
                Callback(name, arity, kind, (name, arity) in self.optional, line)
                for name, arity, kind, line in self.callbacks
            ),
        )  # fmt: skip

    def finished_functions(self) -> list[Function]:
        """Return the finished functions, in the order of their first clauses."""
        return [self._function(record) for record in self.functions.values()]

    def _function(self, record: FunctionRecord) -> Function:
        doc_kind, doc = record.doc or (None, None)
        specs = self.specs.get((record.name, record.arity), ())
        return Function(
            self.name, record.name, record.arity, record.defaults, record.kind,
            tuple(record.clauses), doc, doc_kind, tuple(specs), record.impl,
        )  # fmt: skip
