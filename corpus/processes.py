"""What a module tells of processes: whom it starts and supervises, and the messages it answers.

Read from the source alone, so that a name that is only known at run time is None. `Record` collects
it in the order of the file, for every language.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

MOST_CHILDREN: Final = 500
"""Children of one supervisor that are listed."""
MOST_FACTS: Final = 5_000
"""Facts of one module that are listed; generated modules may answer thousands of messages."""


class Place(NamedTuple):
    """Where something stands: the function as name/arity, and the line from 1."""

    function: str
    line: int


class Started(NamedTuple):
    """A process of OTP that is started: `how` is child, or the function that starts it."""

    name: str
    how: str
    function: str
    line: int


class Child(NamedTuple):
    """One child of a supervisor, as far as it is written out."""

    id: str | None
    module: str | None
    restart: str | None
    type: str | None
    line: int


class Supervisor(NamedTuple):
    """The start of a supervisor; a number or a strategy that is not written out is None.

    `is_complete` is whether every child is written out.
    """

    function: str
    line: int
    strategy: str | None
    max_restarts: int | None
    max_seconds: int | None
    children: tuple[Child, ...]
    is_complete: bool


class Span(NamedTuple):
    """A clause: lines from 1, inclusive, and bytes, half open."""

    start_line: int
    end_line: int
    start_byte: int
    end_byte: int


class Message(NamedTuple):
    """Messages of one kind and shape: where the module sends them, and the clauses that answer."""

    kind: str
    tag: str
    sent: tuple[Place, ...]
    answered: tuple[Span, ...]


class Link(NamedTuple):
    """`link`, `monitor`, `trap_exit`, `spawn_link` or `spawn_monitor`."""

    kind: str
    function: str
    line: int


class Processes(NamedTuple):
    """All of it for one module; `hooks` are its `terminate`, `code_change` and `format_status`."""

    starts: tuple[Started, ...] = ()
    supervisors: tuple[Supervisor, ...] = ()
    messages: tuple[Message, ...] = ()
    links: tuple[Link, ...] = ()
    hooks: tuple[str, ...] = ()


NO_PROCESSES: Final = Processes()
HANDLERS: Final[Mapping[tuple[str, int], str]] = {
    ("handle_call", 3): "call",
    ("handle_call", 2): "call",
    ("handle_cast", 2): "cast",
    ("handle_info", 2): "info",
    ("handle_continue", 2): "continue",
    ("handle_event", 2): "event",
}
"""The kind of message that the first argument of a callback is (GenServer, gen_event)."""
STATE_MACHINE: Final = ("handle_event", 4)
"""The callback of gen_statem whose first argument is the kind, and the second one the message."""
HOOKS: Final = frozenset(
    {
        *(("terminate", 2), ("terminate", 3), ("code_change", 3), ("code_change", 4)),
        *(("format_status", 1), ("format_status", 2)),
    }
)


class Record:
    """Collects the facts of one module."""

    def __init__(self) -> None:
        self.starts: dict[Started, None] = {}
        self.supervisors: list[Supervisor] = []
        self.links: dict[Link, None] = {}
        self.hooks: dict[str, None] = {}
        self._messages: dict[tuple[str, str], tuple[list[Place], list[Span]]] = {}
        self._left = MOST_FACTS

    def sent(self, kind: str, tag: str, place: Place) -> None:
        """Record that a message is sent."""
        if self._spend():
            self._messages.setdefault((kind, tag), ([], []))[0].append(place)

    def answered(self, kind: str, tag: str, span: Span) -> None:
        """Record a clause that answers a message."""
        if self._spend():
            self._messages.setdefault((kind, tag), ([], []))[1].append(span)

    def start(self, name: str, how: str, place: Place) -> None:
        """Record that a process is started."""
        if self._spend():
            self.starts[Started(name, how, *place)] = None

    def link(self, kind: str, place: Place) -> None:
        """Record a link or a monitor."""
        if self._spend():
            self.links[Link(kind, *place)] = None

    def supervise(self, supervisor: Supervisor) -> None:
        """Record the start of a supervisor."""
        if self._spend():
            self.supervisors.append(supervisor)

    def _spend(self) -> bool:
        self._left -= 1
        return self._left >= 0

    def processes(self) -> Processes:
        """Return what was collected."""
        messages = (
            Message(kind, tag, tuple(sent), tuple(answered))
            for (kind, tag), (sent, answered) in self._messages.items()
        )
        return Processes(
            tuple(self.starts),
            tuple(self.supervisors),
            tuple(messages),
            tuple(self.links),
            tuple(self.hooks),
        )
