"""What the forms of one Erlang file have said so far."""

from corpus.extraction import (
    Behaviour,
    Callback,
    Clause,
    Evidence,
    Extraction,
    Function,
    Module,
    TypeDefinition,
)

Doc = tuple[str, str | None]
"""Its kind ("string", "hidden") and its text."""
Key = tuple[str, int]
"""Name and arity."""


class FileRecord:
    """One file under way; `doc` waits for the form that it documents."""

    __slots__ = (
        "behaviours", "callbacks", "clauses", "doc", "doc_spans", "docs", "export_all", "exports",
        "moduledoc", "name", "optional", "source", "specs", "start_line", "types",
    )  # fmt: skip

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.name: str | None = None
        self.start_line = 0
        self.moduledoc: Doc | None = None
        self.doc: Doc | None = None
        self.behaviours: dict[str, None] = {}
        self.exports: dict[Key, None] = {}
        self.export_all = False
        self.types: list[TypeDefinition] = []
        self.callbacks: list[tuple[str, int, int]] = []
        self.optional: set[Key] = set()
        self.specs: dict[Key, list[str]] = {}
        self.clauses: dict[Key, list[Clause]] = {}
        self.docs: dict[Key, Doc] = {}
        self.doc_spans: list[tuple[int, int]] = []

    def add_clause(self, key: Key, clause: Clause) -> None:
        """Add a clause to its function and give it the waiting documentation."""
        clauses = self.clauses.get(key)
        if clauses is None:
            self.clauses[key] = [clause]
        else:
            clauses.append(clause)
        if self.doc is not None:
            self.docs[key], self.doc = self.doc, None

    def extraction(self, parse_errors: int, last_line: int) -> Extraction:
        """Return what was read; `last_line` is where the last form ends."""
        spans = tuple(self.doc_spans)
        if self.name is None:
            return Extraction(parse_errors, (), (), spans)
        modules, functions = (self._module(self.name, last_line),), self._functions(self.name)
        return Extraction(parse_errors, modules, functions, spans)

    def _module(self, name: str, last_line: int) -> Module:
        doc_kind, doc = self.moduledoc or (None, None)
        behaviours = tuple(Behaviour(each, Evidence.DIRECT, 1.0) for each in self.behaviours)
        callbacks = tuple(
            Callback(callback, arity, "callback", (callback, arity) in self.optional, line)
            for callback, arity, line in self.callbacks
        )
        exports = (
            {**self.exports, **dict.fromkeys(self.clauses)} if self.export_all else self.exports
        )
        return Module(
            name, "module", self.start_line, last_line, doc, doc_kind, (), behaviours,
            tuple(self.types), callbacks, tuple(exports),
        )  # fmt: skip

    def _functions(self, module: str) -> tuple[Function, ...]:
        functions = []
        for key, clauses in self.clauses.items():
            doc_kind, doc = self.docs.get(key, (None, None))
            specs = tuple(self.specs.get(key, ()))
            functions.append(
                Function(module, *key, 0, "function", tuple(clauses), doc, doc_kind, specs, None)
            )
        return tuple(functions)
