"""Processes in the tree of one Erlang function: messages, links, starts and supervision.

A message is told by its shape, as in `corpus.elixir.processes`: `stop`, `{put, _, _}`, `#tick{}`,
or `_` for what is only known at run time.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final

from tree_sitter import Node

from corpus.erlang import grammar
from corpus.erlang.grammar import child
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
from corpus.screen import Words

WORDS: Final = (
    *(b"handle_", b"gen_", b"supervisor", b"process_flag(", b"terminate(", b"code_change("),
    *(b"format_status(", b"one_for_", b"rest_for_", b"monitor", b"link(", b" ! "),
    *(b"erlang:send", b"timer:send"),
)
"""A function that tells something of processes has one of these in its text."""
_FIND: Final = Words(WORDS)
OF_PROCESSES: Final = re.compile(r"gen_|supervisor|server|application")
"""The names of behaviours whose modules are read: every module takes three times as long, for a
fifth more messages (in RabbitMQ 1,240 shapes in place of 996, and 200 links in place of 104)."""
SENDS: Final = {
    ("gen_server", "call"): ("call", 1),
    ("gen_server", "cast"): ("cast", 1),
    ("gen_server", "multi_call"): ("call", -1),
    ("gen_server", "abcast"): ("cast", -1),
    ("gen_statem", "call"): ("call", 1),
    ("gen_statem", "cast"): ("cast", 1),
    ("gen_event", "notify"): ("event", 1),
    ("gen_event", "sync_notify"): ("event", 1),
    ("gen_event", "call"): ("call", 2),
    ("erlang", "send"): ("info", 1),
    ("erlang", "send_after"): ("info", 2),
    ("timer", "send_after"): ("info", -1),
    ("timer", "send_interval"): ("info", -1),
}
"""The kind of message that a function sends, and which argument that is."""
LINKS: Final = frozenset({"link", "monitor", "spawn_link", "spawn_monitor"})
STARTED: Final = frozenset({"gen_server", "gen_statem", "gen_event", "supervisor"})
STARTS: Final = frozenset({"start", "start_link", "start_monitor", "start_child"})
STRATEGIES: Final = frozenset({"one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"})
MOST_NODES: Final = 20_000
"""Nodes that are visited of one clause."""

Bindings = dict[str, list[Node]]


def is_of_processes(behaviours: Iterable[str]) -> bool:
    """Return whether a module with these behaviours is read."""
    return any(OF_PROCESSES.search(each) is not None for each in behaviours)


class Reader:
    """Reads the functions of one file, of a module with this name."""

    def __init__(self, source: bytes, module: str | None) -> None:
        self.source, self.hits = source, [offset for offset, _ in _FIND(source)]
        self.module = module
        self.record = Record()

    def holds(self, start: int, end: int) -> bool:
        """Return whether a form or another node may tell something."""
        index = bisect_left(self.hits, start)
        return index < len(self.hits) and self.hits[index] < end

    def read(self, form: Node, line: int, end_line: int) -> None:
        """Record what a clause of a function tells."""
        clause = form.child_by_field_id(grammar.CLAUSE)
        if clause is None or clause.kind_id != grammar.FUNCTION_CLAUSE:
            return
        name = self._atom(child(clause, grammar.NAME))
        arguments = clause.child_by_field_id(grammar.ARGUMENTS)
        if name is None:
            return
        given = [] if arguments is None else _parts(arguments)
        key = (name, len(given))
        function = f"{name}/{len(given)}"
        span = Span(line, end_line, form.start_byte, form.end_byte)
        kind = HANDLERS.get(key)
        if key in HOOKS:
            self.record.hooks[function] = None
        if kind is not None:
            self.record.answered(kind, self._tag(given[0]), span)
        elif key == STATE_MACHINE:
            self.record.answered(self._event_kind(given[0]), self._tag(given[1]), span)
        body = clause.child_by_field_id(grammar.BODY)
        if body is not None:
            is_supervisor = key == ("init", 1) and (
                self.source.find(b"_for_", form.start_byte, form.end_byte) >= 0
            )
            self._walk(body, function, supervises=is_supervisor)

    def _walk(self, body: Node, function: str, *, supervises: bool) -> None:
        bound: Bindings = {}
        stack, left = [body], MOST_NODES
        while stack and left:
            node = stack.pop()
            left -= 1
            kind = node.kind_id
            if kind == grammar.MATCH:
                self._bind(node, bound)
            if not (supervises or self.holds(node.start_byte, node.end_byte)):
                continue
            if kind == grammar.CALL:
                self._call(node, Place(function, node.start_point.row + 1))
            elif kind == grammar.BINARY:
                self._send(node, Place(function, node.start_point.row + 1))
            elif kind == grammar.TUPLE and supervises:
                self._supervise(node, Place(function, node.start_point.row + 1), bound)
            stack.extend(reversed(node.named_children))

    def _bind(self, node: Node, bound: Bindings) -> None:
        left, right = child(node, grammar.LHS), child(node, grammar.RHS)
        if left is not None and right is not None and left.kind_id == grammar.VARIABLE:
            bound.setdefault(self._text(left), []).append(right)

    def _text(self, node: Node) -> str:
        return self.source[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def _atom(self, node: Node | None) -> str | None:
        """Return an atom without quotes, and the name of the module for `?MODULE`."""
        if node is None:
            return None
        if node.kind_id == grammar.ATOM:
            return self._text(node).strip("'")
        is_own = node.kind_id == grammar.MACRO and self._text(node) == "?MODULE"
        return self.module if is_own else None

    def _call(self, node: Node, place: Place) -> None:
        target, given = child(node, grammar.EXPRESSION), child(node, grammar.ARGUMENTS)
        arguments = [] if given is None else _parts(given)
        if target is None:
            return
        if target.kind_id == grammar.REMOTE:
            module = self._atom(child(child(target, grammar.MODULE), grammar.MODULE))
            name = self._atom(child(target, grammar.FUNCTION))
        else:
            module, name = "erlang", self._atom(target)
        if module is None or name is None:
            return
        key = (module, name)
        if key in SENDS:
            kind, position = SENDS[key]
            if len(arguments) > max(position, 0):
                self.record.sent(kind, self._tag(arguments[position]), place)
        elif module == "erlang" and name in LINKS:
            self.record.link(name, place)
        elif key == ("erlang", "process_flag") and arguments:
            if self._atom(arguments[0]) == "trap_exit":
                self.record.link("trap_exit", place)
        elif module in STARTED and name in STARTS:
            self.record.start(module, name, place)

    def _send(self, node: Node, place: Place) -> None:
        left, right = child(node, grammar.LHS), child(node, grammar.RHS)
        if left is None or right is None:
            return
        if self.source[left.end_byte : right.start_byte].strip() == b"!":
            self.record.sent("info", self._tag(right), place)

    def _tag(self, node: Node) -> str:
        """Return the shape of a message."""
        if node.kind_id == grammar.MATCH:
            sides = (child(node, grammar.LHS), child(node, grammar.RHS))
            told = (self._shape(each) for each in sides if each is not None)
            return next((each for each in told if each != "_"), "_")
        return self._shape(node)

    def _shape(self, node: Node) -> str:
        if node.kind_id == grammar.TUPLE:
            first, *rest = _parts(node) or [node]
            head = "_" if first == node else (self._atom(first) or "_")
            return f"{{{', '.join([head, *('_' for _ in rest)])}}}"
        if node.kind_id == grammar.RECORD:
            name = self._text(node).partition("{")[0].strip()
            return f"{name}{{}}"
        return self._atom(node) or "_"

    def _event_kind(self, node: Node) -> str:
        """Return the kind of an event of gen_statem: `{call, From}`, `cast`, `info`."""
        if node.kind_id == grammar.TUPLE:
            node = next(iter(_parts(node)), node)
        name = self._atom(node)
        return name if name in ("call", "cast", "info") else "event"

    def _value(self, node: Node, bound: Bindings) -> Node:
        """Return what a variable was bound to before this place, else the node itself."""
        if node.kind_id != grammar.VARIABLE:
            return node
        start, earlier = node.start_byte, bound.get(self._text(node), ())
        return next((each for each in reversed(earlier) if each.end_byte <= start), node)

    def _supervise(self, node: Node, place: Place, bound: Bindings) -> None:
        """Record `{ok, {Flags, Children}}`; flags are a map or `{Strategy, Intensity, Period}`."""
        parts = _parts(node)
        if len(parts) != 2 or self._atom(parts[0]) != "ok":
            return
        inner = self._value(parts[1], bound)
        both = _parts(inner) if inner.kind_id == grammar.TUPLE else []
        if len(both) != 2:
            return
        flags = self._value(both[0], bound)
        strategy: Node | None = None
        intensity: Node | None = None
        period: Node | None = None
        if flags.kind_id == grammar.MAP:
            fields = dict(self._fields(flags))
            strategy, intensity, period = map(fields.get, ("strategy", "intensity", "period"))
        elif flags.kind_id == grammar.TUPLE and len(_parts(flags)) == 3:
            strategy, intensity, period = _parts(flags)
        else:
            return
        if strategy is not None and (self._atom(strategy) or "_") not in STRATEGIES | {"_"}:
            return
        found, is_complete = self._children(both[1], bound)
        self.record.supervise(
            Supervisor(
                *place,
                self._atom(strategy),
                self._number(intensity),
                self._number(period),
                tuple(found[:MOST_CHILDREN]),
                is_complete and len(found) <= MOST_CHILDREN,
            )
        )

    def _fields(self, node: Node) -> Iterator[tuple[str, Node]]:
        for field in node.named_children:
            key, value = child(field, grammar.KEY), child(field, grammar.VALUE)
            name = self._atom(key)
            if name is not None and value is not None:
                yield name, value

    def _children(self, node: Node, bound: Bindings) -> tuple[list[Child], bool]:
        """Return the children in a list or a sum of lists, and whether all are written out."""
        found, is_complete = list[Child](), True
        stack, left = [node], MOST_CHILDREN
        while stack and left:
            node = self._value(stack.pop(), bound)
            left -= 1
            if node.kind_id == grammar.LIST:
                found += [self._child(self._value(each, bound)) for each in _parts(node)]
            elif node.kind_id == grammar.BINARY:
                sides = (child(node, grammar.RHS), child(node, grammar.LHS))
                stack += [side for side in sides if side is not None]
            else:
                is_complete = False
        is_complete = is_complete and not stack
        return found, is_complete and all(each.module is not None for each in found)

    def _child(self, node: Node) -> Child:
        """Read a child: a map, or a tuple of id, start, restart, shutdown, type and modules."""
        line = node.start_point.row + 1
        if node.kind_id == grammar.MAP:
            fields = dict(self._fields(node))
            own, start, restart, kind = map(fields.get, ("id", "start", "restart", "type"))
        elif node.kind_id == grammar.TUPLE and len(_parts(node)) == 6:
            own, start, restart, _, kind, _ = _parts(node)
        else:
            return Child(None, None, None, None, line)
        module = None
        if start is not None and start.kind_id == grammar.TUPLE:
            module = self._atom(next(iter(_parts(start)), None))
        return Child(self._atom(own), module, self._atom(restart), self._atom(kind), line)

    def _number(self, node: Node | None) -> int | None:
        text = "" if node is None else self._text(node)
        return int(text) if text.isdecimal() and len(text) < 10 else None


def _parts(node: Node) -> list[Node]:
    return [each for each in node.named_children if each.kind_id != grammar.COMMENT]
