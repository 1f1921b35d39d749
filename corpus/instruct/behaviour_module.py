"""From the purpose of an OTP process to the module that implements it.

The question holds the behaviour, the moduledoc, and the names of callbacks and public functions.
The answer is the original module without the moduledoc, which is in the question.
"""

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator

import pyarrow as pa

from corpus.extraction import Extraction
from corpus.instruct.configuration import BehaviourModule, InstructConfig
from corpus.instruct.conversation import (
    Conversation,
    Failed,
    identify,
    is_sound,
    parsed,
    phrase,
    raised,
    tabulate,
)
from corpus.instruct.material import (
    Material,
    dedented,
    documentation_of,
    library_modules,
    line_starts,
)
from corpus.rows import ModuleRow

KIND = "behaviour_module"
SERVER = "init/1 handle_call/3 handle_cast/2 handle_info/2 handle_continue/2 terminate/2"
REPORT = "code_change/3 format_status/1 format_status/2"
EVENT = "init/1 handle_event/2 handle_call/2 handle_info/2 terminate/2"
MACHINE = "callback_mode/0 init/1 handle_event/4 terminate/3 code_change/4 format_status/2"
APPLICATION = "start/2 stop/1 prep_stop/1 start_phase/3 config_change/3"
CALLBACKS = {
    "GenServer": f"{SERVER} {REPORT}",
    ":gen_server": f"{SERVER} {REPORT}",
    ":gen_event": f"{EVENT} {REPORT}",
    ":gen_statem": f"{MACHINE} format_status/1",
    "Supervisor": "init/1",
    ":supervisor": "init/1",
    "DynamicSupervisor": "init/1",
    "Application": APPLICATION,
    ":application": APPLICATION,
}
"""The behaviours of OTP and their callbacks (Erlang/OTP 27 and Elixir 1.18 documentation)."""
KNOWN = {name: frozenset(callbacks.split()) for name, callbacks in CALLBACKS.items()}

PHRASES = (
    "Write the Elixir module `{module}`, which implements {behaviour}.",
    "Implement {behaviour} in an Elixir module named `{module}`.",
    "I need an Elixir module `{module}` that implements {behaviour}. Its purpose is below.",
    "Below is what `{module}` is for. Write it as an Elixir module that implements {behaviour}.",
    "Design `{module}` in Elixir on top of {behaviour}, for the purpose described below.",
)
MODULEDOC = re.compile(rb"@(?:\s|\\\r?\n)*moduledoc\b")


def rows(
    documents: pa.Table, functions: pa.Table, config: InstructConfig, failed: Failed = raised
) -> pa.Table:
    """Return one row per suitable module, in the order of documents and modules."""
    limits = config.behaviour_module

    def converse(material: Material) -> Iterator[Conversation]:
        return filter(is_sound, conversations(material, limits))

    return tabulate(library_modules(documents, functions), converse, failed)


def conversations(material: Material, limits: BehaviourModule) -> Iterator[Conversation]:
    """Yield a conversation for every module of a document that implements a behaviour of OTP."""
    # Once per document, not once per module: a file may have thousands.
    functions, starts = PublicFunctions(material), line_starts(material.text)
    for module in material.modules:
        behaviours = [item["name"] for item in module["behaviours"] if item["name"] in KNOWN]
        public = functions.of(module)
        callbacks = callbacks_of(public, behaviours)
        if callbacks and has_purpose(module, limits):
            start, end = starts[module["start_line"] - 1], starts[module["end_line"]] - 1
            if end - start > 4 * (limits.longest_module + limits.longest_purpose):
                continue  # even if it had no moduledoc and no indentation
            source = dedented(material.text[start:end])
            answer = without_moduledoc(source, module["name"])
            if answer and limits.shortest_module <= len(answer) <= limits.longest_module:
                id_ = identify(KIND, material.document_id, module["start_line"])
                asked = question(module, behaviours, callbacks, public, id_)
                name = module["name"]
                yield Conversation(id_, KIND, name, asked, answer, material, name, ((start, end),))


def has_purpose(module: ModuleRow, limits: BehaviourModule) -> bool:
    """Return whether a module has documentation of its purpose."""
    purpose = documentation_of(module)
    if module["kind"] != "defmodule" or not purpose:
        return False
    return limits.shortest_purpose <= len(purpose) <= limits.longest_purpose


def callbacks_of(public: list[str], behaviours: list[str]) -> list[str]:
    """Return the callbacks among the public functions of a module, in order."""
    known = frozenset[str]().union(*(KNOWN[name] for name in behaviours))
    return [name for name in public if name in known]


class PublicFunctions:
    """The public functions of a document by module: the line of each, and its name/arity."""

    def __init__(self, material: Material) -> None:
        self._places: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
        for function in material.functions:
            if function["kind"] == "def":
                place = function["clauses"][0]["start_line"]
                name = f"{function['name']}/{function['arity']}"
                self._places[function["module"]].append((place, name))
        for places in self._places.values():
            places.sort(key=lambda each: each[0])

    def of(self, module: ModuleRow) -> list[str]:
        """Return the functions of a module as name/arity, in order, without repetition.

        Two modules of a file may have the same name; lines distinguish them.
        """
        places = self._places[module["name"]]
        first = bisect_left(places, module["start_line"], key=lambda each: each[0])
        last = bisect_right(places, module["end_line"], key=lambda each: each[0])
        return list(dict.fromkeys(name for _, name in places[first:last]))


def without_moduledoc(source: str, name: str) -> str | None:
    """Return the source of a module without its moduledoc, or None if it has no moduledoc.

    It is also None if the source alone does not parse, or has another module name: the source of a
    nested module does not contain its full name.
    """
    extraction = parsed(source)
    if extraction is None or all(module.name != name for module in extraction.modules):
        return None
    raw = source.encode()
    span = moduledoc_of(raw, extraction, name)
    if span is None:
        return None
    start, end = span
    return (raw[:start] + raw[end:].lstrip()).decode()


def moduledoc_of(raw: bytes, extraction: Extraction, name: str) -> tuple[int, int] | None:
    """Return the byte range of a module's moduledoc, not that of an inner module."""
    inner = [module for module in extraction.modules if module.name != name]
    for start, end in extraction.doc_spans:
        line = raw.count(b"\n", 0, start) + 1
        is_inner = any(module.start_line <= line <= module.end_line for module in inner)
        if MODULEDOC.match(raw, start) and not is_inner:
            return start, end
    return None


def question(
    module: ModuleRow,
    behaviours: list[str],
    callbacks: list[str],
    public: list[str],
    id_: str,
) -> str:
    """Return the question."""
    noun = "behaviour" if len(behaviours) == 1 else "behaviours"
    names = f"the {noun} {quoted(behaviours, ' and ')}"
    task = phrase(PHRASES, id_).format(module=module["name"], behaviour=names)
    others = [name for name in public if name not in callbacks]
    purpose = f"Purpose:\n\n{documentation_of(module)}"
    parts = [task, purpose, f"Callbacks: {quoted(callbacks)}"]
    return "\n\n".join(parts + [f"Public functions: {quoted(others)}"] * bool(others))


def quoted(names: list[str], separator: str = ", ") -> str:
    """Return names as code, separated."""
    return separator.join(f"`{name}`" for name in names)
