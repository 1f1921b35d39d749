"""The behaviours of one module: its own, and those that the macros set which it uses.

`resolve` follows each `use` of a module to `__using__` of the module that it names, evaluates the
code that this returns (terms of `corpus.elixir.macros`) and takes the `@behaviour`s, the further
`use`s and the `@before_compile`s in it. Only values that matter here are computed: modules, atoms,
options and quotes. What cannot be known is followed both ways and lowers the confidence. A module
whose `__using__` is not in the store has a row in `OF_THE_LANGUAGE`, or stays unresolved.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple, Protocol, Union

from corpus.extraction import BehaviourEvidence, Term

OF_THE_LANGUAGE: Final[Mapping[str, str | None]] = {
    "Agent": None,
    "Application": "Application",
    "Bitwise": None,
    "DynamicSupervisor": "DynamicSupervisor",
    "EEx.Engine": "EEx.Engine",
    "ExUnit.Callbacks": None,
    "ExUnit.Case": None,
    "ExUnit.CaseTemplate": None,
    "GenEvent": ":gen_event",
    "GenServer": "GenServer",
    "Mix.Config": None,
    "Mix.Task": "Mix.Task",
    "Mix.Task.Compiler": "Mix.Task.Compiler",
    "Supervisor": "Supervisor",
    "Task": None,
}
"""The modules of Elixir with `__using__`, and the behaviour that it sets (Elixir 1.14 to 1.19)."""

MOST_STEPS: Final = 20_000
"""Work for one module: terms, clauses and parts of values that are looked at. Modules of 31
packages take up to 600."""
DEEPEST: Final = 80
"""Calls, terms and quotes in one another; in 31 packages up to 30. Each takes up to eight frames,
of which Python allows 1,000."""
COPIED: Final = 100
"""Variables or options that are copied in one step."""
MOST_RECURSIONS: Final = 2
"""How often a function may be in the middle of itself; its arguments are not lists here, so it has
no end of its own."""
MOST_USES: Final = 30
"""Uses in one another."""
DEEPEST_KEY: Final = 3
"""Levels of arguments by which two uses of a module are told apart."""
CERTAIN: Final = 1.0
UNDECIDED: Final = 0.9
"""Confidence in what stands in a branch that may not be taken."""
BY_NAME: Final = 0.9
"""Confidence in a behaviour that only an `@impl` names."""


class Unresolved:
    """Why a `use` was not followed to its end."""

    ABSENT: Final = "absent"
    """No package in reach defines `__using__` of that module."""
    CYCLE: Final = "cycle"
    """It uses itself."""
    TOO_LONG: Final = "too_long"
    """The evaluation exceeds its budget."""


class Found(NamedTuple):
    """A module with macros: the archive that defines it, the macros, and the confidence in that."""

    archive: str
    macros: str
    confidence: float


class Library(Protocol):
    """The modules with macros that can be reached from an archive."""

    def find(self, module: str, archive: str) -> Found | None:
        """Return a module as the code of an archive sees it."""


class Name(NamedTuple):
    """An atom or a module, as it is written: ":web", "Phoenix.Component"."""

    name: str


class Options(NamedTuple):
    """Keywords."""

    items: Mapping[str, "Value"]


class Many(NamedTuple):
    """Several values: all of a list, or one of several alternatives (`is_choice`)."""

    values: Sequence["Value"]
    is_choice: bool = False


class Home(NamedTuple):
    """Where code is from."""

    archive: str
    module: str


class Quoted(NamedTuple):
    """A quote with the variables that it may unquote."""

    items: Sequence[Term]
    variables: Mapping[str, "Value"]
    home: Home


Value = Union[None, Name, Options, Many, Quoted]  # noqa: UP007 - a recursive alias


class Trail(NamedTuple):
    """How a piece of code was reached: the evidence, the confidence, and the module in `use`."""

    evidence: BehaviourEvidence
    confidence: float
    through: str | None


class Behaviour(NamedTuple):
    """A behaviour of a module; `through` is the module in the `use` that sets it, if one does."""

    name: str
    evidence: BehaviourEvidence
    confidence: float
    through: str | None


class Use(NamedTuple):
    """A module that is used: by the file (direct) or by a macro of its package or another one.

    `leaves_behaviour` tells whether this sets behaviours. `unresolved` is why it was not followed,
    None if it was.
    """

    name: str
    evidence: BehaviourEvidence
    leaves_behaviour: bool
    unresolved: str | None


@dataclass(slots=True)
class Resolved:
    """What is known of one module."""

    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    uses: dict[str, Use] = field(default_factory=dict)
    steps: int = 0
    """The work that it took, see `MOST_STEPS`."""


WEAKNESS: Final = {
    evidence: place
    for place, evidence in enumerate(
        (
            BehaviourEvidence.DIRECT,
            BehaviourEvidence.STRUCTURAL,
            BehaviourEvidence.TRANSITIVE,
            BehaviourEvidence.CROSS_PACKAGE,
            BehaviourEvidence.TABLE,
            BehaviourEvidence.SHAPE,
        )
    )
}
"""What is reached in several ways has the weakest evidence of the way; the strongest way counts."""


def resolve(
    module: str,
    archive: str,
    own: Iterable[tuple[str, BehaviourEvidence]],
    used: str,
    library: Library,
    most: int = MOST_STEPS,
) -> Resolved:
    """Return behaviours and uses of a module.

    `own` are the behaviours that its file sets, `used` is what ingest wrote of its uses
    (`Module.used`), `most` are the steps that this may take.
    """
    expansion = _Expansion(module, archive, library, most)
    for name, evidence in own:
        if evidence is not BehaviourEvidence.TABLE:  # follow() looks it up itself
            expansion.add(name, Trail(evidence, CERTAIN, None))
    if used:
        calls, hooks, named = json.loads(used)
        expansion.follow(calls, hooks)
        for name in named:
            expansion.add(name, Trail(BehaviourEvidence.SHAPE, BY_NAME, None))
    expansion.result.steps = most - expansion.left
    return expansion.result


class Macro(NamedTuple):
    """One function of a module with macros."""

    arity: int
    defaults: int
    is_macro: bool
    clauses: Sequence[tuple[list[Term], bool, Term]]


@lru_cache(maxsize=4096)
def macros_of(text: str) -> Mapping[str, list[Macro]]:
    """Return the functions in what ingest wrote of a module (`Module.macros`), by name."""
    found: dict[str, list[Macro]] = {}
    for name, arity, defaults, is_macro, clauses in json.loads(text):
        found.setdefault(name, []).append(Macro(int(arity), int(defaults), is_macro, clauses))
    return found


class _TooLong(Exception):
    """The budget of a module is spent, or code is too deep in other code."""


class _Expansion:
    """The evaluation of all uses of one module."""

    def __init__(self, module: str, archive: str, library: Library, most: int) -> None:
        self.module, self.archive, self.known = module, archive, library
        self.result = Resolved()
        self.left, self._depth = most, 0
        self._calls: list[tuple[Home, str, int]] = []
        self._open: list[str] = []
        self._done: dict[str, float] = {}

    def add(self, name: str, trail: Trail) -> None:
        """Record a behaviour, unless it is known by stronger evidence."""
        known = self.result.behaviours.get(name)
        if known is None or _strength(trail) > _strength(known):
            self.result.behaviours[name] = Behaviour(name, *trail)

    def follow(self, calls: list[list[Term]], hooks: list[list[Term]]) -> None:
        """Follow what the module uses; each may take half of the budget that is left."""
        here = Home(self.archive, self.module)
        for name, *given in calls:
            assert isinstance(name, str), "ingest writes the names of modules"
            trail = Trail(BehaviourEvidence.DIRECT, CERTAIN, name)
            for_others = self.left // 2
            self.left -= for_others
            try:
                self._use(name, [self._value(each, {}, here) for each in given], here, trail)
            except _TooLong:
                self._restart()
                leaves = any(each.through == name for each in self.result.behaviours.values())
                self._record(name, trail, leaves=leaves, unresolved=Unresolved.TOO_LONG)
            self.left += for_others
        for hook, function in hooks:
            trail = Trail(BehaviourEvidence.DIRECT, CERTAIN, None)
            try:
                self._hook(self._value(hook, {}, here), function, here, trail)
            except _TooLong:
                self._restart()

    def _restart(self) -> None:
        """Forget the code in the middle of which the evaluation was given up."""
        self._open.clear()
        self._calls.clear()
        self._depth = 0

    def _use(self, name: str, given: list[Value], home: Home, trail: Trail) -> None:
        """Do what `use` of a module does in code from `home`."""
        key = f"{home.archive} {name} {self._told(Many(given), DEEPEST_KEY)}"
        if key in self._open:
            self._record(name, trail, unresolved=Unresolved.CYCLE)
            return
        if self._done.get(key, 0.0) >= trail.confidence:
            self._record(name, trail, unresolved=self.result.uses[name].unresolved)
            return
        if len(self._open) >= MOST_USES:
            raise _TooLong
        self._done[key] = trail.confidence
        found = self.known.find(name, home.archive)
        macros = {} if found is None else macros_of(found.macros)
        using = [*macros.get("__using__", ()), *macros.get("using", ())]
        if found is None or not using:
            self._of_the_language(name, trail)
            return
        there = Home(found.archive, name)
        before = len(self.result.behaviours)
        self._record(name, trail)
        self._open.append(key)
        inner = self._reached(trail, found)
        arguments = [given[0] if given else Options({})]
        for macro in using:
            self._inject(self._called(macro, arguments, there), inner)
        self._open.pop()
        self._record(name, trail, leaves=len(self.result.behaviours) > before)

    def _of_the_language(self, name: str, trail: Trail) -> None:
        if name not in OF_THE_LANGUAGE:
            self._record(name, trail, unresolved=Unresolved.ABSENT)
            return
        behaviour = OF_THE_LANGUAGE[name]
        if behaviour is not None:
            self.add(behaviour, trail._replace(evidence=BehaviourEvidence.TABLE))
        self._record(name, trail, leaves=behaviour is not None)

    def _reached(self, trail: Trail, found: Found) -> Trail:
        """Return the trail of code in a module that was found."""
        evidence = (
            BehaviourEvidence.TRANSITIVE
            if found.archive == self.archive
            else BehaviourEvidence.CROSS_PACKAGE
        )
        weaker = max(trail.evidence, evidence, key=WEAKNESS.__getitem__)
        return Trail(weaker, min(trail.confidence, found.confidence), trail.through)

    def _record(
        self, name: str, trail: Trail, *, leaves: bool = False, unresolved: str | None = None
    ) -> None:
        """Record a use, with the strongest evidence.

        A module that was followed once is not absent; one that was given up once stays so.
        """
        known = self.result.uses.get(name, Use(name, trail.evidence, False, unresolved))
        outcomes = {known.unresolved, unresolved}
        if len(outcomes) > 1:
            outcomes.discard(Unresolved.ABSENT)
        if len(outcomes) > 1:
            outcomes.discard(None)
        self.result.uses[name] = Use(
            name,
            min(known.evidence, trail.evidence, key=WEAKNESS.__getitem__),
            known.leaves_behaviour or leaves,
            max(outcomes, key=str),
        )

    def _hook(self, module: Value, function: Term, home: Home, trail: Trail) -> None:
        """Do what `@before_compile` does."""
        wanted = str(function).removeprefix(":") if function else "__before_compile__"
        for name, certain in self._names(module, trail):
            found = self.known.find(name, home.archive)
            if found is not None:
                there = Home(found.archive, name)
                self._expand(there, wanted, [None], found, self._reached(certain, found))

    def _expand(
        self, there: Home, name: str, given: list[Value], found: Found, trail: Trail
    ) -> None:
        """Put in what a macro returns, which may call that macro again."""
        key = (there, name, len(given))
        if self._calls.count(key) < MOST_RECURSIONS:
            value = self._call(there, macros_of(found.macros), name, given)
            self._calls.append(key)
            self._inject(value, trail)
            self._calls.pop()

    def _inject(self, value: Value, trail: Trail) -> None:
        """Put what a macro returned into the module."""
        self._step()
        if isinstance(value, Many):
            self._enter()
            is_certain = len(value.values) == 1 or not value.is_choice
            for each in value.values:
                self._inject(each, trail if is_certain else _less(trail))
            self._depth -= 1
        elif isinstance(value, Quoted):
            self._items(value.items, value.variables, value.home, trail)

    def _enter(self) -> None:
        """Go into code; follow() resets the depth if that is too deep."""
        if self._depth >= DEEPEST:
            raise _TooLong
        self._depth += 1

    def _items(
        self, items: Sequence[Term], variables: Mapping[str, Value], home: Home, trail: Trail
    ) -> None:
        """Do what the items of a quote do."""
        self._enter()
        for item in items:
            self._step()
            match item:
                case ["@", term]:
                    for name, certain in self._names(self._value(term, variables, home), trail):
                        if not name.startswith((":nil", ":false", ":true")):
                            self.add(name, certain)
                case ["u", term, *rest]:
                    given = [self._value(each, variables, home) for each in rest]
                    for name, certain in self._names(self._value(term, variables, home), trail):
                        self._use(name, given, home, certain)
                case ["B", term, function]:
                    self._hook(self._value(term, variables, home), function, home, trail)
                case ["i", term]:
                    self._inject(self._value(term, variables, home), trail)
                case ["c", None, str(name), *rest]:
                    self._macro(home, home, name, rest, variables, trail)
                case ["C", term, str(name), *rest]:
                    for module, certain in self._names(self._value(term, variables, home), trail):
                        found = self.known.find(module, home.archive)
                        if found is not None:
                            there = Home(found.archive, module)
                            self._macro(there, home, name, rest, variables, certain)
                case ["if", condition, then, other]:
                    is_true = _truth(self._value(condition, variables, home))
                    for branch in _taken(is_true, then, other):
                        less = trail if is_true is not None else _less(trail)
                        if isinstance(branch, list):
                            self._items(branch, variables, home, less)
        self._depth -= 1

    def _macro(
        self,
        there: Home,
        home: Home,
        name: str,
        rest: Sequence[Term],
        variables: Mapping[str, Value],
        trail: Trail,
    ) -> None:
        """Put in what a macro returns that a quote from `home` calls; a function adds nothing."""
        found = self.known.find(there.module, there.archive)
        macros = {} if found is None else macros_of(found.macros)
        if found is not None and any(each.is_macro for each in macros.get(name, ())):
            given = [self._value(each, variables, home) for each in rest]
            self._expand(there, name, given, found, trail)

    def _step(self, count: int = 1) -> None:
        self.left -= count
        if self.left < 0:
            self.left = 0
            raise _TooLong

    def _copy(self, variables: Mapping[str, Value]) -> dict[str, Value]:
        self._step(len(variables) // COPIED)
        return dict(variables)

    def _value(self, term: Term, variables: Mapping[str, Value], home: Home) -> Value:
        """Return the value of a term."""
        self._step()
        if not isinstance(term, list) or self._depth >= DEEPEST:
            return None
        self._depth += 1
        try:
            return self._evaluated(term, variables, home)
        finally:
            self._depth -= 1

    def _evaluated(self, term: list[Term], variables: Mapping[str, Value], home: Home) -> Value:
        def value(each: Term) -> Value:
            return self._value(each, variables, home)

        match term:
            case ["a", str(name)]:
                return Name(name)
            case ["m"]:
                return Name(self.module)
            case ["v", str(name)]:
                return variables[name] if name in variables else self._local(home, name, [])
            case ["k", *pairs]:
                found = (each for each in pairs if isinstance(each, list))
                return Options({str(key): value(each) for key, each in found})
            case ["l" | "?" as kind, *terms]:
                return Many([value(each) for each in terms], kind == "?")
            case ["b", *terms]:
                return self._block(terms, self._copy(variables), home)
            case ["=", _, each]:
                return value(each)
            case ["g", options, str(key), default]:
                name, or_else = key.removeprefix(":"), partial_of(value, default)
                return self._option(value(options), name, or_else)
            case ["d", module, below]:
                last = Name(below) if isinstance(below, str) else value(below)
                return _below(value(module), last)
            case ["q", list(bound), *items]:
                known = self._copy(variables)
                for pair in bound:
                    if isinstance(pair, list):
                        known[str(pair[0])] = value(pair[1])
                return Quoted(items, known, home)
            case ["c", None, str(name), *rest]:
                return self._local(home, name, [value(each) for each in rest])
            case ["c", str(module), str(name), *rest]:
                return self._remote(home, module, name, [value(each) for each in rest])
            case ["p", module, function, arguments]:
                return self._applied(value(module), value(function), value(arguments), home)
            case ["if", condition, then, other]:
                branches = _taken(_truth(value(condition)), then, other)
                return Many([value(each) for each in branches], is_choice=True)
            case ["case", subject, *clauses]:
                return self._case(value(subject), clauses, variables, home)
        return None

    def _block(self, terms: Sequence[Term], variables: dict[str, Value], home: Home) -> Value:
        result: Value = None
        for each in terms:
            result = self._value(each, variables, home)
            if isinstance(each, list) and each[0] == "=":
                variables[str(each[1])] = result
        return result

    def _case(
        self, subject: Value, clauses: Sequence[Term], variables: Mapping[str, Value], home: Home
    ) -> Value:
        values = list[Value]()
        for clause in clauses:
            self._step()
            assert isinstance(clause, list), "the encoder writes clauses as lists"
            pattern, is_guarded, body = clause
            matches, bound = _match(pattern, subject)
            if matches is False:
                continue
            values.append(self._value(body, self._copy(variables) | bound, home))
            if matches and not is_guarded:
                break
        return Many(values, is_choice=True)

    def _local(self, home: Home, name: str, given: list[Value]) -> Value:
        """Return the value of a call of a function in the same module."""
        found = self.known.find(home.module, home.archive)
        macros = {} if found is None else macros_of(found.macros)
        return self._call(home, macros, name, given)

    def _remote(self, home: Home, module: str, name: str, given: list[Value]) -> Value:
        if module == home.module:
            return self._local(home, name, given)
        if module == "Keyword":
            self._step(
                sum(len(each.items) for each in given if isinstance(each, Options)) // COPIED
            )
            return _merged(given)
        found = self.known.find(module, home.archive)
        if found is None:
            return _quotes(given)
        return self._call(Home(found.archive, module), macros_of(found.macros), name, given)

    def _applied(self, module: Value, function: Value, arguments: Value, home: Home) -> Value:
        """Return the value of `apply`, if module and function are known."""
        if not isinstance(module, Name) or not isinstance(function, Name):
            return None
        given: list[Value] = []
        if isinstance(arguments, Many):
            self._step(len(arguments.values) // COPIED)
            given = list(arguments.values)
        elif isinstance(arguments, Options) and arguments.items:
            given = [arguments]
        return self._remote(home, module.name, function.name.removeprefix(":"), given)

    def _call(
        self, there: Home, macros: Mapping[str, list[Macro]], name: str, given: list[Value]
    ) -> Value:
        """Return the value of a call; of one that is not kept, the quotes among its arguments."""
        key = (there, name, len(given))
        count = len(given)
        found = [m for m in macros.get(name, ()) if m.arity - m.defaults <= count <= m.arity]
        if not found or self._calls.count(key) >= MOST_RECURSIONS:
            return _quotes(given)
        self._calls.append(key)
        try:
            return Many([self._called(each, given, there) for each in found], is_choice=True)
        finally:
            self._calls.pop()

    def _called(self, macro: Macro, given: list[Value], home: Home) -> Value:
        """Return the values of the clauses that may match the arguments."""
        values = list[Value]()
        for patterns, is_guarded, body in macro.clauses:
            self._step()
            matches, variables = _match_all(patterns, given)
            if matches is False:
                continue
            values.append(self._value(body, variables, home))
            if matches and not is_guarded:
                break
        return Many(values, is_choice=True)

    def _names(self, value: Value, trail: Trail) -> Iterator[tuple[str, Trail]]:
        """Yield the modules that a value may be."""
        waiting = [(value, trail)]
        while waiting:
            self._step()
            value, trail = waiting.pop()
            if isinstance(value, Name):
                yield value.name, trail
            elif isinstance(value, Many):
                each_trail = trail if len(value.values) == 1 else _less(trail)
                waiting += [(each, each_trail) for each in reversed(value.values)]

    def _option(self, options: Value, key: str, default: Callable[[], Value]) -> Value:
        self._step()
        if isinstance(options, Options):
            return options.items[key] if key in options.items else default()
        if not isinstance(options, Many):
            return Many([None, default()])
        if self._depth >= DEEPEST:
            return None
        self._depth += 1
        try:
            return Many([self._option(each, key, default) for each in options.values])
        finally:
            self._depth -= 1

    def _told(self, value: Value, levels: int) -> str:
        """Return a short text for a value."""
        self._step()
        if isinstance(value, Name):
            return value.name
        if levels and isinstance(value, Options):
            pairs = (f"{key}: {self._told(each, levels - 1)}" for key, each in value.items.items())
            return f"[{', '.join(pairs)}]"
        if levels and isinstance(value, Many):
            return f"({', '.join(self._told(each, levels - 1) for each in value.values)})"
        return "_"


def _strength(of: Trail | Behaviour) -> tuple[int, float]:
    return -WEAKNESS[of.evidence], of.confidence


def partial_of(value: Callable[[Term], Value], term: Term) -> Callable[[], Value]:
    """Return a function for the value of a default, which is computed only if it is needed."""
    return lambda: value(term)


def _match_all(
    patterns: Sequence[Term], given: Sequence[Value]
) -> tuple[bool | None, dict[str, Value]]:
    """Match arguments: True or False if it is certain, None if not; and the variables.

    Missing arguments have a default, which is unknown.
    """
    certain: bool | None = True
    variables: dict[str, Value] = {}
    for place, pattern in enumerate(patterns):
        value = given[place] if place < len(given) else None
        matches, bound = _match(pattern, value)
        if matches is False:
            return False, {}
        certain = certain and matches
        variables |= bound
    return certain, variables


def _match(pattern: Term, value: Value) -> tuple[bool | None, dict[str, Value]]:
    match pattern:
        case ["v", str(name)]:
            return True, {name: value}
        case ["a", str(name)]:
            if isinstance(value, Name):
                return value.name == name, {}
            return (False if isinstance(value, Options | Quoted) else None), {}
    return None, {}


def _below(module: Value, last: Value) -> Value:
    if isinstance(module, Name) and isinstance(last, Name):
        return Name(f"{module.name}.{last.name.removeprefix(':')}")
    return None


def _merged(given: Sequence[Value]) -> Value:
    """Return what functions of Keyword return, as far as it matters: all options of both."""
    items: dict[str, Value] = {}
    for each in given:
        if isinstance(each, Options):
            items |= each.items
    return Options(items) if given and isinstance(given[0], Options) else None


def _quotes(given: Sequence[Value]) -> Value:
    """Return the quotes among the arguments of an unknown function, which may return them."""
    return Many([each for each in given if isinstance(each, Quoted | Many)])


def _truth(value: Value) -> bool | None:
    if isinstance(value, Name):
        return value.name not in (":nil", ":false")
    return True if isinstance(value, Options | Quoted) else None


def _taken(is_true: bool | None, then: Term, other: Term) -> list[Term]:
    if is_true is None:
        return [then, other]
    return [then if is_true else other]


def _less(trail: Trail) -> Trail:
    return trail._replace(confidence=min(trail.confidence, UNDECIDED))
