"""The state of one Erlang file while its forms are read."""

from tree_sitter import Node

from corpus.erlang.edoc import MARK, Comment, Documentation, documentation
from corpus.extraction import (
    Behaviour,
    BehaviourEvidence,
    Callback,
    Clause,
    Extraction,
    Function,
    Module,
    TypeDefinition,
    new,
)
from corpus.processes import NO_PROCESSES, Processes

Key = tuple[str, int]
"""Name and arity."""
Branch = tuple[str, ...]
"""The conditions around a form, outermost first; `()` for none."""

LONGEST_CONDITION = 120
"""Maximum length of a condition's label."""
MOST_CONDITIONS = 20
"""Maximum number of conditions around a form that are listed; the sources of OTP and RabbitMQ nest
two.
"""


class FileRecord:
    """The state of one file; `doc` and `comments` belong to the next form.

    `is_as_written` is true if the tree is of `source` itself and without errors; then simple forms
    are read from the bytes instead of the tree.
    """

    __slots__ = (
        "behaviours", "branch", "callbacks", "clauses", "comments", "constants", "deeper",
        "doc", "doc_spans", "docs", "export_all", "exports", "is_as_written", "last_line",
        "moduledoc", "name", "optional", "other_bytes", "processes", "source", "specs",
        "start_line", "types",
    )  # fmt: skip

    def __init__(self, source: bytes, *, is_as_written: bool = False) -> None:
        self.source, self.is_as_written = source, is_as_written
        self.other_bytes = 0
        self.name: str | None = None
        self.start_line = self.last_line = 0
        self.moduledoc: Documentation | None = None
        self.doc: Documentation | None = None
        self.comments: list[Node] = []
        self.branch: Branch = ()
        self.deeper = 0
        self.behaviours: dict[str, None] = {}
        self.exports: dict[Key, None] = {}
        self.export_all = False
        self.types: list[TypeDefinition] = []
        self.callbacks: list[tuple[str, int, int]] = []
        self.optional: set[Key] = set()
        self.specs: dict[Key, list[tuple[Branch, str]]] = {}
        self.clauses: dict[tuple[Key, Branch], list[Clause]] = {}
        self.docs: dict[tuple[Key, Branch], Documentation] = {}
        self.doc_spans: list[tuple[int, int]] = []
        self.processes: Processes = NO_PROCESSES
        self.constants: dict[str, str] | None = None

    def clauses_of(self, key: Key) -> list[Clause]:
        """Return the clauses of a function, to add one, which takes the pending documentation."""
        function = (key, self.branch)
        clauses = self.clauses.get(function)
        if clauses is None:
            clauses = self.clauses[function] = []
            documented = self.take_comments() if self.comments else None
            if documented is not None:
                self.docs[function] = documented
        if self.doc is not None:
            self.docs[function], self.doc = self.doc, None
        return clauses

    def take_comments(self) -> Documentation | None:
        """Return the documentation in the pending comments."""
        first, last = self.comments[0].start_byte, self.comments[-1].end_byte
        if MARK.search(self.source, first, last) is None:
            return None
        comments = []
        for each in self.comments:
            start, (row, column) = each.start_byte, each.start_point
            if not self.source[start - column : start].strip():
                comments.append(new(Comment, (row, column, start, each.end_byte)))
        found = documentation(self.source, comments)
        if found is None:
            return None
        self.doc_spans += found[1]
        return found[0]

    def begin_branch(self, condition: str) -> None:
        """Enter a branch of `-ifdef` or a similar form, up to `-else` or `-endif`."""
        if len(self.branch) == MOST_CONDITIONS:
            self.deeper += 1
        else:
            self.branch = (*self.branch, _shortened(condition))

    def next_branch(self, condition: str) -> None:
        """Enter a branch of `-else` or `-elif`."""
        if self.branch and not self.deeper:
            first = self.branch[-1].partition(": ")[0]
            self.branch = (*self.branch[:-1], f"{first}: {_shortened(condition)}")

    def end_branch(self) -> None:
        """Leave the branch that `-endif` ends."""
        if self.deeper:
            self.deeper -= 1
        else:
            self.branch = self.branch[:-1]

    def extraction(self, parse_errors: int, unread_bytes: int) -> Extraction:
        """Return the result."""
        spans, unread_bytes = tuple(sorted(self.doc_spans)), unread_bytes + self.other_bytes
        if self.name is None:
            return Extraction(parse_errors, (), (), spans, unread_bytes)
        modules, functions = (self._module(self.name),), self._functions(self.name)
        return Extraction(parse_errors, modules, functions, spans, unread_bytes)

    def _module(self, name: str) -> Module:
        doc_kind, doc = self.moduledoc or (None, None)
        behaviours = tuple(
            Behaviour(each, BehaviourEvidence.DIRECT, 1.0) for each in self.behaviours
        )
        callbacks = tuple(
            Callback(callback, arity, "callback", (callback, arity) in self.optional, line)
            for callback, arity, line in self.callbacks
        )
        exports = (
            {**self.exports, **dict.fromkeys(key for key, _ in self.clauses)}
            if self.export_all
            else self.exports
        )
        return Module(
            name, "module", self.start_line, self.last_line, doc, doc_kind, (), behaviours,
            tuple(self.types), callbacks, tuple(exports), processes=self.processes,
        )  # fmt: skip

    def _functions(self, module: str) -> tuple[Function, ...]:
        functions = []
        docs, all_specs = self.docs, self.specs
        for function, clauses in self.clauses.items():
            key, branch = function
            doc_kind, doc = docs.get(function, _NO_DOCUMENTATION)
            specs = all_specs.get(key, ())
            told = tuple([text for other, text in specs if not branch or _may_meet(branch, other)])
            under = " / ".join(branch) if branch else None
            values = (module, *key, 0, "function", tuple(clauses), doc, doc_kind, told, None, under)
            functions.append(new(Function, values))
        return tuple(functions)


_NO_DOCUMENTATION = (None, None)


def _may_meet(one: Branch, other: Branch) -> bool:
    """Tell whether one of two branches lies in the other."""
    return all(left == right for left, right in zip(one, other, strict=False))


def _shortened(condition: str) -> str:
    if len(condition) <= LONGEST_CONDITION:
        return condition
    return f"{condition[: LONGEST_CONDITION - 1]}…"
