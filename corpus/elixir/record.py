"""Where the walk is, and what is gathered about a module while it is inside."""

from typing import Final

from corpus.elixir.terms import Scope
from corpus.extraction import (
    Behaviour,
    Callback,
    Clause,
    Evidence,
    Function,
    Module,
    NestedTooDeeply,
    TypeDefinition,
)

PRIVATE: Final = frozenset({"defp", "defmacrop", "defguardp"})
"""Kinds that take no documentation: the compiler warns and discards it."""
OVERRIDDEN: Final = "defoverridable"
"""The branch of a definition that a later one replaces."""

LONGEST_BRANCH: Final = 120
"""Characters that a branch is told in, for each construct around a definition."""

Branch = tuple[str, ...]
"""The conditional code around a definition, outermost first; `()` for none."""
Pending = tuple[tuple[str, str | None] | None, str | None]
"""The documentation and the `@impl` that the next definition takes."""


class FunctionRecord:
    """One function under way: clauses may stand apart, and each may bring attributes."""

    __slots__ = ("arity", "branch", "clauses", "defaults", "doc", "impl", "kind", "name")

    def __init__(self, kind: str, name: str, arity: int, branch: Branch) -> None:
        self.kind, self.name, self.arity, self.branch = kind, name, arity, branch
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
        "behaviours", "callbacks", "doc", "end_line", "functions", "generations", "impl", "kind",
        "moduledoc", "name", "optional", "specs", "start_line", "types", "uses",
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
        self.specs: dict[tuple[str, int], list[tuple[Branch, str]]] = {}
        self.functions: dict[tuple[str, int, Branch, int], FunctionRecord] = {}
        self.generations: dict[tuple[str, int], int] = {}

    def add_clause(
        self, kind: str, name: str, arity: int, defaults: int, branch: Branch, clause: Clause
    ) -> None:
        """Add a clause to its function and give it the pending attributes.

        A name and arity is one function whatever defines it (`def` and `defdelegate` may take
        turns); its kind is that of the first clause that others can call.
        """
        key = (name, arity, branch, self._generation(name, arity) if self.generations else 0)
        function = self.functions.get(key)
        if function is None:
            function = self.functions[key] = FunctionRecord(kind, name, arity, branch)
        elif function.kind in PRIVATE and kind not in PRIVATE:
            function.kind = kind
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

    @property
    def pending(self) -> Pending:
        """What the next definition takes."""
        return self.doc, self.impl

    @pending.setter
    def pending(self, value: Pending) -> None:
        self.doc, self.impl = value

    def add_spec(self, name: str, arity: int, branch: Branch, text: str) -> None:
        """Note a specification as it is written."""
        self.specs.setdefault((name, arity), []).append((branch, text))

    def allow_override(self, name: str, arity: int) -> None:
        """Let the next definition of a function replace those before, as `defoverridable` does."""
        current = self.generations.get((name, arity), 0)
        self.generations[name, arity] = current + (current % 2 == 0)

    def _generation(self, name: str, arity: int) -> int:
        """Return which definition of a function is being written: odd numbers await a new one."""
        current = self.generations.get((name, arity), 0)
        if current % 2:
            current = self.generations[name, arity] = current + 1
        return current

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
        return [
            self._function(
                record, self._branch(record, generation) if self.generations else record.branch
            )
            for (*_, generation), record in self.functions.items()
        ]

    def _branch(self, record: FunctionRecord, generation: int) -> Branch:
        """Return the branch of a function; one that was replaced is put aside."""
        last = self.generations.get((record.name, record.arity), 0)
        is_replaced = generation < last - last % 2
        return (*record.branch, OVERRIDDEN) if is_replaced else record.branch

    def _function(self, record: FunctionRecord, branch: Branch) -> Function:
        doc_kind, doc = record.doc or _NO_DOC
        specs = self.specs.get((record.name, record.arity))
        return Function(
            self.name, record.name, record.arity, record.defaults, record.kind,
            tuple(record.clauses), doc, doc_kind,
            _specs_within(specs, record.branch) if specs else (), record.impl,
            (" / ".join(map(_shortened, branch)) or None) if branch else None,
        )  # fmt: skip


_NO_DOC: Final = (None, None)


def _specs_within(specs: list[tuple[Branch, str]], branch: Branch) -> tuple[str, ...]:
    """Return the specifications of a function, but for those of another alternative."""
    return tuple(text for around, text in specs if _may_meet(around, branch))


def _may_meet(one: Branch, other: Branch) -> bool:
    """Tell whether one of two branches lies in the other."""
    return all(left == right for left, right in zip(one, other, strict=False))


def _shortened(branch: str) -> str:
    return branch if len(branch) <= LONGEST_BRANCH else f"{branch[: LONGEST_BRANCH - 1]}…"


DEEPEST: Final = 200
"""Nested scopes; the deepest in the sources of Elixir and RabbitMQ is 7."""


class Place:
    """Where the walk is: the module around, the aliases in force, and whether a function is.

    `branch` names the conditional code around.
    """

    __slots__ = ("branch", "depth", "in_function", "module", "scope")

    def __init__(
        self,
        module: ModuleRecord | None,
        scope: Scope,
        in_function: bool,
        depth: int,
        branch: Branch,
    ) -> None:
        self.module, self.scope, self.in_function, self.depth = module, scope, in_function, depth
        self.branch = branch
        if depth > DEEPEST:
            raise NestedTooDeeply(f"blocks nest more than {DEEPEST} deep; people write far fewer")

    def inner(self) -> "Place":
        """Return the same place in a new scope of aliases."""
        scope = Scope(self.scope)
        return Place(self.module, scope, self.in_function, self.depth + 1, self.branch)

    def within(self, branch: str) -> "Place":
        """Return the same place in a branch of conditional code, which is a scope too."""
        inner = self.inner()
        inner.branch = (*self.branch, branch)
        return inner
