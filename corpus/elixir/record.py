"""The state of one module during the walk: the current scope, and the collected definitions.

Definitions add clauses; attributes with a meaning for the compiler (docs, specs, types, callbacks,
behaviours) are read by `READERS`.
"""

from collections.abc import Callable, Iterator
from typing import Final

from tree_sitter import Node

from corpus.elixir import grammar
from corpus.elixir.terms import (
    Head,
    Scope,
    full_names,
    identifier_text,
    literal_text,
    read_head,
    text_of,
)
from corpus.extraction import (
    Behaviour,
    BehaviourEvidence,
    Callback,
    Clause,
    Function,
    Module,
    TypeDefinition,
    new,
)
from corpus.parsing import NestedTooDeeply
from corpus.processes import Processes

PRIVATE: Final = frozenset({"defp", "defmacrop", "defguardp"})
"""Kinds without documentation: the compiler warns and discards it."""
OVERRIDDEN: Final = "defoverridable"
"""The branch of a definition that a later definition replaces."""

LONGEST_BRANCH: Final = 120
"""Maximum length of the label of a branch, for each construct around a definition."""

Branch = tuple[str, ...]
"""The conditions around a definition, outermost first; `()` for none."""
Pending = tuple[tuple[str, str | None] | None, str | None]
"""The documentation and the `@impl` for the next definition."""


class FunctionRecord:
    """The state of one function: its clauses may be separate, and each may have attributes."""

    __slots__ = ("arity", "branch", "clauses", "defaults", "doc", "impl", "kind", "name")

    def __init__(self, kind: str, name: str, arity: int, branch: Branch) -> None:
        self.kind, self.name, self.arity, self.branch = kind, name, arity, branch
        self.defaults = 0
        self.clauses: list[Clause] = []
        self.doc: tuple[str, str | None] | None = None
        self.impl: str | None = None


class ModuleRecord:
    """The state of one module.

    `doc` and `impl` are pending: they belong to the next definition of any name, and are then
    reset. A doc is a pair of its kind ("string", "hidden") and its text. `named` are the modules
    that `@impl` names.
    """

    __slots__ = (
        "behaviours", "callbacks", "doc", "end_line", "functions", "generations", "impl", "kind",
        "moduledoc", "name", "named", "optional", "specs", "start_line", "types", "uses",
    )  # fmt: skip

    def __init__(self, kind: str, name: str, start_line: int, end_line: int) -> None:
        self.kind, self.name = kind, name
        self.start_line, self.end_line = start_line, end_line
        self.moduledoc: tuple[str, str | None] | None = None
        self.doc: tuple[str, str | None] | None = None
        self.impl: str | None = None
        self.named: dict[str, None] = {}
        self.uses: dict[str, None] = {}
        self.behaviours: dict[str, BehaviourEvidence] = {}
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

        One name and arity is one function, even if `def` and `defdelegate` define different
        clauses; its kind is that of the first public clause.
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
        """Reset pending attributes after a definition."""
        self.doc = self.impl = None

    @property
    def pending(self) -> Pending:
        """The attributes for the next definition."""
        return self.doc, self.impl

    @pending.setter
    def pending(self, value: Pending) -> None:
        self.doc, self.impl = value

    def add_spec(self, name: str, arity: int, branch: Branch, text: str) -> None:
        """Record a specification as it is written."""
        self.specs.setdefault((name, arity), []).append((branch, text))

    def allow_override(self, name: str, arity: int) -> None:
        """Mark that the next definition of a function replaces earlier ones, as with
        `defoverridable`.
        """
        current = self.generations.get((name, arity), 0)
        self.generations[name, arity] = current + (current % 2 == 0)

    def _generation(self, name: str, arity: int) -> int:
        """Return the number of the current definition of a function; an odd number expects a new
        one.
        """
        current = self.generations.get((name, arity), 0)
        if current % 2:
            current = self.generations[name, arity] = current + 1
        return current

    def add_behaviour(self, name: str, evidence: BehaviourEvidence) -> None:
        """Record a behaviour; the first evidence is kept."""
        self.behaviours.setdefault(name, evidence)

    def module(self, used: str, macros: str, processes: Processes) -> Module:
        """Return the finished module; `used` and `macros` are from `corpus.elixir.macros`."""
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
            (), used, macros, processes,
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
        """Return the branch of a function; a replaced definition gets a separate branch."""
        last = self.generations.get((record.name, record.arity), 0)
        is_replaced = generation < last - last % 2
        return (*record.branch, OVERRIDDEN) if is_replaced else record.branch

    def _function(self, record: FunctionRecord, branch: Branch) -> Function:
        doc_kind, doc = record.doc or _NO_DOC
        specs = self.specs.get((record.name, record.arity))
        values = (
            self.name, record.name, record.arity, record.defaults, record.kind,
            tuple(record.clauses), doc, doc_kind,
            _specs_within(specs, record.branch) if specs else (), record.impl,
            (" / ".join(map(_shortened, branch)) or None) if branch else None,
        )  # fmt: skip
        return new(Function, values)


_NO_DOC: Final = (None, None)


def _specs_within(specs: list[tuple[Branch, str]], branch: Branch) -> tuple[str, ...]:
    """Return the specifications of a function, without those of other alternatives."""
    return tuple([text for around, text in specs if not branch or _may_meet(around, branch)])


def _may_meet(one: Branch, other: Branch) -> bool:
    """Return whether one of two branches is inside the other."""
    return all(left == right for left, right in zip(one, other, strict=False))


def _shortened(branch: str) -> str:
    return branch if len(branch) <= LONGEST_BRANCH else f"{branch[: LONGEST_BRANCH - 1]}…"


DEEPEST: Final = 200
"""Nested scopes; the deepest in the sources of Elixir and RabbitMQ is 7."""


class Place:
    """The scope of the walk: the module, the aliases in effect, and whether it is in a function.

    `branch` has the conditions around it.
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
        """Return this scope with a new scope of aliases."""
        scope = Scope(self.scope)
        return Place(self.module, scope, self.in_function, self.depth + 1, self.branch)

    def within(self, branch: str) -> "Place":
        """Return this scope in a branch of conditional code, which is also a scope."""
        inner = self.inner()
        inner.branch = (*self.branch, branch)
        return inner


Doc = tuple[str, str | None]
Reader = Callable[[bytes, Node, ModuleRecord, Place, str], None]
DOCUMENTATION: Final = frozenset({"doc", "moduledoc", "typedoc"})


def read_doc(source: bytes, value: Node, current: Doc | None) -> Doc | None:
    """Read the value of a documentation attribute: its kind and its text.

    Keywords (`@doc since: "1.2"`) are metadata and leave `current` as it is. An expression that
    needs evaluation, such as `File.read!`, is a "string" without a text.
    """
    kind = value.kind_id
    if kind in (grammar.KEYWORDS, grammar.LIST):
        return current
    if kind in (grammar.NIL, grammar.BOOLEAN):
        return ("hidden", None) if text_of(source, value) == "false" else None
    return "string", literal_text(source, value)


def _moduledoc(source: bytes, value: Node, module: ModuleRecord, place: Place, kind: str) -> None:
    module.moduledoc = read_doc(source, value, module.moduledoc)


def _doc(source: bytes, value: Node, module: ModuleRecord, place: Place, kind: str) -> None:
    module.doc = read_doc(source, value, module.doc)


def _typedoc(source: bytes, value: Node, module: ModuleRecord, place: Place, kind: str) -> None:
    """Types are listed without their documentation."""


def _impl(source: bytes, value: Node, module: ModuleRecord, place: Place, kind: str) -> None:
    if value.kind_id == grammar.BOOLEAN:
        module.impl = text_of(source, value)
    else:
        names = full_names(source, value, module.name, place.scope)
        module.impl = names[0] if names else None
        module.named.update(dict.fromkeys(names[:1]))


def _behaviour(source: bytes, value: Node, module: ModuleRecord, place: Place, kind: str) -> None:
    for name in full_names(source, value, module.name, place.scope):
        module.add_behaviour(name, BehaviourEvidence.DIRECT)


def _typed_head(source: bytes, value: Node) -> Head | None:
    """Find the head in `head :: type`, with or without brackets and a `when` around it."""
    node: Node | None = value
    while node is not None and node.kind_id in (grammar.BINARY_OPERATOR, grammar.BLOCK):
        if node.kind_id == grammar.BLOCK:
            node = grammar.named(node, 0) if node.named_child_count == 1 else None
            continue
        operator = node.child_by_field_id(grammar.OPERATOR)
        node = node.child_by_field_id(grammar.LEFT)
        if operator is not None and operator.kind_id == grammar.TYPE_OF:
            return None if node is None else read_head(source, node)
        if operator is None or operator.kind_id != grammar.WHEN:
            return None
    return None


def _spec(source: bytes, value: Node, module: ModuleRecord, place: Place, kind: str) -> None:
    head = _typed_head(source, value)
    if head is not None:
        module.add_spec(head.name, head.arity, place.branch, text_of(source, value))


def _type(source: bytes, value: Node, module: ModuleRecord, place: Place, kind: str) -> None:
    head = _typed_head(source, value)
    if head is not None:
        line = value.start_point.row + 1
        module.types.append(TypeDefinition(head.name, head.arity, kind, line))


def _callback(source: bytes, value: Node, module: ModuleRecord, place: Place, kind: str) -> None:
    head = _typed_head(source, value)
    module.doc = None
    if head is not None:
        module.callbacks.append((head.name, head.arity, kind, value.start_point.row + 1))


def _optional(source: bytes, value: Node, module: ModuleRecord, place: Place, kind: str) -> None:
    module.optional.update(name_arities(source, value))


def name_arities(source: bytes, value: Node) -> Iterator[tuple[str, int]]:
    """Yield the names and arities of `[f: 1, g: 2]`, with or without brackets."""
    for inside in grammar.parts(value) if value.kind_id == grammar.LIST else [value]:
        for pair in grammar.parts(inside):
            key = pair.child_by_field_id(grammar.KEY)
            arity = pair.child_by_field_id(grammar.VALUE)
            if key is not None and arity is not None and text_of(source, arity).isdecimal():
                name = identifier_text(source, key).strip().removesuffix(":").strip('"')
                yield name, int(text_of(source, arity)[:3])


READERS: Final[dict[str, Reader]] = {
    "moduledoc": _moduledoc,
    "typedoc": _typedoc,
    "doc": _doc,
    "impl": _impl,
    "behaviour": _behaviour,
    "spec": _spec,
    "type": _type,
    "typep": _type,
    "opaque": _type,
    "callback": _callback,
    "macrocallback": _callback,
    "optional_callbacks": _optional,
}


def attribute_value(node: Node) -> Node | None:
    """Return the value in `@name value`; None if the attribute is only read."""
    call = node.child_by_field_id(grammar.OPERAND)
    if call is None or call.kind_id != grammar.CALL:
        return None
    value = grammar.arguments(call)[1]
    return None if value is None else grammar.unwrapped(value)
