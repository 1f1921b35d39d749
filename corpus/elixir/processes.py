"""Processes in the tree of one function: messages, links, starts and supervision.

Only nodes with one of `WORDS` inside are entered. A message is told by its shape: `:stop`,
`{:put, _, _}`, `%Tick{}`, or `_` for what is only known at run time.
"""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from tree_sitter import Node

from corpus.elixir import grammar
from corpus.elixir.terms import Scope, full_name, identifier_text, text_of
from corpus.parsing import Allowance
from corpus.processes import (
    HANDLERS,
    HOOKS,
    MOST_CHILDREN,
    STATE_MACHINE,
    Child,
    Place,
    Record,
    Span,
    Supervisor,
)

WORDS: Final = (b"handle_", b"GenServer", b"Supervisor", b"Process.", b"Task.")
"""A file that tells something of processes has one of these."""
FURTHER: Final = (
    *(b"terminate(", b"code_change(", b"format_status(", b"supervise(", b"Registry", b"Agent."),
    *(b"send(", b":erlang.send", b":timer.send", b"spawn_", b"monitor", b":gen_"),
)
"""A function in such a file that tells something has one of these or of those."""
SENDS: Final = {
    **{
        (module, name): (kind, 1)
        for module in ("GenServer", ":gen_server", ":gen_statem", "GenStateMachine", "GenStage")
        for name, kind in (("call", "call"), ("cast", "cast"))
    },
    ("GenServer", "multi_call"): ("call", 2),
    ("GenServer", "abcast"): ("cast", 2),
    ("Process", "send"): ("info", 1),
    ("Process", "send_after"): ("info", 1),
    (":erlang", "send"): ("info", 1),
    (":erlang", "send_after"): ("info", 2),
    (":timer", "send_after"): ("info", -1),
    (":timer", "send_interval"): ("info", -1),
}
"""The kind of message that a function sends, and which argument that is."""
LINKS: Final = {
    ("Process", "link"): "link",
    ("Process", "monitor"): "monitor",
    (":erlang", "link"): "link",
    (":erlang", "monitor"): "monitor",
    ("Node", "monitor"): "monitor",
}
STARTED: Final = frozenset(
    {
        *("Agent", "DynamicSupervisor", "GenServer", "PartitionSupervisor", "Registry"),
        *("Supervisor", "Task", "Task.Supervisor"),
    }
)
"""Modules of Elixir that are processes, or start some."""
STARTS: Final = frozenset(
    {"start", "start_link", "start_child", "async", "async_nolink", "async_stream"}
)
SUPERVISES: Final = frozenset({("Supervisor", "start_link"), ("Supervisor", "init")})
_LOCAL_LINKS: Final = frozenset({"spawn_link", "spawn_monitor"})
_SPECS: Final = {"worker": "worker", "supervisor": "supervisor"}
LONGEST_TAG: Final = 80
"""Bytes of a string that is a message."""

Bindings = dict[str, list[Node]]
"""What the variables of a clause were bound to so far, in the order of the file."""


class Reader:
    """Reads the clauses of one module; `hits` are where `WORDS` stand in its file."""

    def __init__(self, source: bytes, module: str, hits: list[int], allowance: Allowance) -> None:
        self.source, self.module, self.hits, self.allowance = source, module, hits, allowance
        self.record = Record()

    def read(self, node: Node, name: str, arity: int, scope: Scope) -> None:
        """Record what a clause of a function tells."""
        arguments, head = grammar.arguments(node)
        key, function = (name, arity), f"{name}/{arity}"
        if key in HOOKS:
            self.record.hooks[function] = None
        kind = HANDLERS.get(key)
        if (kind is not None or key == STATE_MACHINE) and head is not None:
            self._answer(node, head, kind, scope)
        bound: Bindings = {}
        stack = list(reversed(grammar.body(node, arguments, head)))
        spend = self.allowance.spend
        while stack and spend():
            node = stack.pop()
            kind_id = node.kind_id
            if kind_id == grammar.BINARY_OPERATOR:
                self._bind(node, bound)
            if not self._holds(node):
                continue
            if kind_id == grammar.CALL:
                self._call(node, function, scope, bound)
            stack.extend(reversed(node.named_children))

    def _answer(self, node: Node, head: Node, kind: str | None, scope: Scope) -> None:
        """Record a clause of a callback; of a state machine, the clause says the kind."""
        if head.kind_id == grammar.BINARY_OPERATOR:  # the guard
            head = head.child_by_field_id(grammar.LEFT) or head
        inside = grammar.named(head, 1)
        given = [] if inside is None else grammar.parts(inside)
        if len(given) < 2:
            return
        message = given[0]
        if kind is None:
            kind, message = self._event_kind(message), given[1]
        first, last = node.start_point.row + 1, node.end_point.row + 1
        span = Span(first, last, node.start_byte, node.end_byte)
        self.record.answered(kind, self._tag(message, scope), span)

    def _event_kind(self, node: Node) -> str:
        """Return the kind of an event of gen_statem: `{:call, from}`, `:cast`, `:info`."""
        if node.kind_id == grammar.TUPLE:
            node = next(iter(grammar.parts(node)), node)
        text = text_of(self.source, node).removeprefix(":")
        return text if text in ("call", "cast", "info") else "event"

    def _holds(self, node: Node) -> bool:
        index = bisect_left(self.hits, node.start_byte)
        return index < len(self.hits) and self.hits[index] < node.end_byte

    def _bind(self, node: Node, bound: Bindings) -> None:
        left, right = (node.child_by_field_id(f) for f in (grammar.LEFT, grammar.RIGHT))
        if left is not None and right is not None and left.kind_id == grammar.IDENTIFIER:
            operator = node.child_by_field_id(grammar.OPERATOR)
            if operator is not None and text_of(self.source, operator) == "=":
                bound.setdefault(text_of(self.source, left), []).append(right)

    def _call(self, node: Node, function: str, scope: Scope, bound: Bindings) -> None:
        place = Place(function, node.start_point.row + 1)
        target = node.named_children[0]
        given = grammar.arguments(node)[0]
        arguments = [] if given is None else grammar.parts(given)
        if target.kind_id == grammar.IDENTIFIER:
            word = identifier_text(self.source, target)
            if word == "send" and len(arguments) == 2:
                self.record.sent("info", self._tag(arguments[1], scope), place)
            elif word in _LOCAL_LINKS:
                self.record.link(word, place)
            elif word == "supervise" and len(arguments) == 2:
                self._supervise(arguments, place, scope, bound)
            return
        if target.kind_id != grammar.DOT:
            return
        left, right = (target.child_by_field_id(f) for f in (grammar.LEFT, grammar.RIGHT))
        module = None if left is None else full_name(self.source, left, self.module, scope)
        if module is None or right is None:
            return
        key = (module, identifier_text(self.source, right))
        if key in SENDS:
            kind, position = SENDS[key]
            if _is_piped(self.source, node) and position > 0:
                position -= 1
            if len(arguments) > max(position, 0):
                self.record.sent(kind, self._tag(arguments[position], scope), place)
        elif key in LINKS:
            self.record.link(LINKS[key], place)
        elif key == ("Process", "flag") and b"trap_exit" in self._bytes(node):
            self.record.link("trap_exit", place)
        elif key in SUPERVISES and arguments:
            self._supervise(arguments, place, scope, bound)
        elif key == ("DynamicSupervisor", "init"):
            self._supervise([*arguments, *arguments][:2], place, scope, bound, is_dynamic=True)
        elif module in STARTED and key[1] in STARTS:
            self.record.start(module, key[1], place)

    def _bytes(self, node: Node) -> bytes:
        return self.source[node.start_byte : node.end_byte]

    def _tag(self, node: Node, scope: Scope) -> str:
        """Return the shape of a message."""
        node = grammar.unwrapped(node)
        if node.kind_id == grammar.BINARY_OPERATOR:  # `message = {:put, key, value}`
            sides = (node.child_by_field_id(f) for f in (grammar.LEFT, grammar.RIGHT))
            told = (self._shape(grammar.unwrapped(each), scope) for each in sides if each)
            return next((each for each in told if each != "_"), "_")
        return self._shape(node, scope)

    def _shape(self, node: Node, scope: Scope) -> str:
        kind = node.kind_id
        if kind == grammar.TUPLE:
            first, *rest = grammar.parts(node) or [node]
            head = "_" if first == node else self._atom(first, scope)
            return f"{{{', '.join([head, *('_' for _ in rest)])}}}"
        if kind == grammar.MAP:
            struct = next((n for n in node.named_children if n.kind_id == grammar.STRUCT), None)
            name = None if struct is None else grammar.named(struct, 0)
            told = None if name is None else full_name(self.source, name, self.module, scope)
            return "%{}" if told is None else f"%{told}{{}}"
        return self._atom(node, scope)

    def _atom(self, node: Node, scope: Scope) -> str:
        if node.kind_id == grammar.STRING:
            text = text_of(self.source, node)
            return text if len(text) <= LONGEST_TAG and "#{" not in text else "_"
        if node.kind_id in (grammar.NIL, grammar.BOOLEAN, grammar.INTEGER):
            return text_of(self.source, node)
        if node.kind_id in (grammar.ATOM, grammar.QUOTED_ATOM, grammar.ALIAS):
            return full_name(self.source, node, self.module, scope) or "_"
        return "_"

    def _supervise(
        self,
        arguments: list[Node],
        place: Place,
        scope: Scope,
        bound: Bindings,
        *,
        is_dynamic: bool = False,
    ) -> None:
        """Record a supervisor; `Supervisor.start_link(Module, argument)` is a start."""
        first = grammar.unwrapped(arguments[0])
        if full_name(self.source, first, self.module, scope) is not None:
            self.record.start("Supervisor", "start_link", place)
            return
        options = dict(self._options(arguments[1], bound)) if len(arguments) > 1 else {}
        children, is_complete = ([], True) if is_dynamic else self._children(first, scope, bound)
        for child in children:
            if child.module in STARTED:
                self.record.start(child.module, "child", Place(place.function, child.line))
        self.record.supervise(
            Supervisor(
                *place,
                self._plain(options.get("strategy")),
                self._number(options.get("max_restarts")),
                self._number(options.get("max_seconds")),
                tuple(children[:MOST_CHILDREN]),
                is_complete and len(children) <= MOST_CHILDREN,
            )
        )

    def _options(self, node: Node, bound: Bindings) -> Iterator[tuple[str, Node]]:
        node = self._value(node, bound)
        if node.kind_id == grammar.LIST:
            node = next(iter(grammar.parts(node)), node)
        if node.kind_id == grammar.KEYWORDS:
            yield from self._pairs(node)

    def _pairs(self, node: Node) -> Iterator[tuple[str, Node]]:
        for pair in grammar.parts(node):
            key = pair.child_by_field_id(grammar.KEY)
            value = pair.child_by_field_id(grammar.VALUE)
            if key is not None and value is not None:
                yield text_of(self.source, key).strip().removesuffix(":"), value

    def _value(self, node: Node, bound: Bindings) -> Node:
        """Return what a variable was last bound to before this place, else the node itself."""
        node = grammar.unwrapped(node)
        if node.kind_id != grammar.IDENTIFIER:
            return node
        start = node.start_byte
        earlier = bound.get(text_of(self.source, node), ())
        return next((each for each in reversed(earlier) if each.end_byte <= start), node)

    def _children(self, node: Node, scope: Scope, bound: Bindings) -> tuple[list[Child], bool]:
        """Return the children in a list or a sum of lists, and whether all are written out."""
        found, is_complete = list[Child](), True
        stack, left = [node], MOST_CHILDREN
        while stack and left:
            node = self._value(stack.pop(), bound)
            left -= 1
            if node.kind_id == grammar.BINARY_OPERATOR:
                sides = (node.child_by_field_id(f) for f in (grammar.RIGHT, grammar.LEFT))
                stack += [side for side in sides if side is not None]
            elif node.kind_id == grammar.LIST:
                found += [self._child(each, scope, bound) for each in grammar.parts(node)]
            else:
                is_complete = False
        is_complete = is_complete and not stack
        return found, is_complete and all(child.module is not None for child in found)

    def _child(self, node: Node, scope: Scope, bound: Bindings) -> Child:
        """Read a child: a module, `{module, argument}`, a map, or a call that makes one."""
        line = node.start_point.row + 1
        node = self._value(node, bound)
        name = full_name(self.source, node, self.module, scope)
        if name is not None:
            return Child(None, name, None, None, line)
        if node.kind_id == grammar.TUPLE:
            first = next(iter(grammar.parts(node)), None)
            name = None if first is None else full_name(self.source, first, self.module, scope)
            return Child(None, name, None, None, line)
        if node.kind_id == grammar.MAP:
            pairs: dict[str, Node] = {}
            for content in node.named_children:
                inside = content.named_children if content.kind_id == grammar.MAP_CONTENT else []
                for each in inside:
                    if each.kind_id == grammar.KEYWORDS:
                        pairs |= dict(self._pairs(each))
            return self._specified(pairs, line, scope)
        if node.kind_id == grammar.CALL:
            return self._called_child(node, line, scope, bound)
        return Child(None, None, None, None, line)

    def _specified(self, pairs: dict[str, Node], line: int, scope: Scope) -> Child:
        start = pairs.get("start")
        module = None
        if start is not None and start.kind_id == grammar.TUPLE:
            first = next(iter(grammar.parts(start)), None)
            module = None if first is None else full_name(self.source, first, self.module, scope)
        return Child(
            self._plain(pairs.get("id"), scope),
            module,
            self._plain(pairs.get("restart")),
            self._plain(pairs.get("type")),
            line,
        )

    def _called_child(self, node: Node, line: int, scope: Scope, bound: Bindings) -> Child:
        """Read `Supervisor.child_spec({M, x}, id: ...)`, `M.child_spec(x)`, `worker(M, [x])`."""
        target = node.named_children[0]
        given = grammar.arguments(node)[0]
        arguments = [] if given is None else grammar.parts(given)
        options = dict(self._options(arguments[-1], bound)) if len(arguments) > 1 else {}
        if target.kind_id == grammar.DOT:
            left, right = (target.child_by_field_id(f) for f in (grammar.LEFT, grammar.RIGHT))
            module = None if left is None else full_name(self.source, left, self.module, scope)
            if right is None or text_of(self.source, right) not in ("child_spec", *_SPECS):
                return Child(None, None, None, None, line)
            if module not in ("Supervisor", "Supervisor.Spec"):
                return Child(None, module, None, None, line)
            target = right
        word = text_of(self.source, target)
        if not arguments or word not in ("child_spec", *_SPECS):
            return Child(None, None, None, None, line)
        first = self._value(arguments[0], bound)
        if first.kind_id == grammar.CALL:  # one level is what people write
            return Child(None, None, None, None, line)
        inner = self._child(first, scope, bound)
        return Child(
            self._plain(options.get("id"), scope) or inner.id,
            inner.module,
            self._plain(options.get("restart")) or inner.restart,
            self._plain(options.get("type")) or inner.type or _SPECS.get(word),
            line,
        )

    def _plain(self, node: Node | None, scope: Scope | None = None) -> str | None:
        """Return the text of an atom without its colon, or of a module."""
        if node is None:
            return None
        if scope is not None:
            name = full_name(self.source, node, self.module, scope)
            return None if name is None else name.removeprefix(":")
        return text_of(self.source, node)[1:] if node.kind_id == grammar.ATOM else None

    def _number(self, node: Node | None) -> int | None:
        text = "" if node is None else text_of(self.source, node).replace("_", "")
        return int(text) if text.isdecimal() and len(text) < 10 else None


def _is_piped(source: bytes, node: Node) -> bool:
    """Return whether a pipe gives the first argument of a call."""
    parent = node.parent
    if parent is None or parent.kind_id != grammar.BINARY_OPERATOR:
        return False
    operator = parent.child_by_field_id(grammar.OPERATOR)
    is_right = parent.child_by_field_id(grammar.RIGHT) == node
    return is_right and operator is not None and text_of(source, operator) == "|>"
