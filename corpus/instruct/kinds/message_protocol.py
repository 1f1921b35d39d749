"""From the client side of a server to the callbacks that answer its messages.

Which messages a module sends and which clauses answer them is in the table of modules. The question
is the module without its `handle_*` functions, the answer these functions.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

from corpus.instruct.answerable import cut_out
from corpus.instruct.configuration import InstructConfig
from corpus.instruct.draft import Candidate, Draft, Drafted, Kind, phrase
from corpus.instruct.left_out import Left
from corpus.instruct.material import Material, Package
from corpus.rows import FunctionRow, ModuleRow, ProtocolRow

HANDLERS: Final = {
    "call": ("handle_call", 3),
    "cast": ("handle_cast", 2),
    "info": ("handle_info", 2),
    "continue": ("handle_continue", 2),
}
PHRASES: Final = (
    "This server sends itself messages that nothing answers yet. Write the missing callbacks.",
    "Write the `handle_*` callbacks of `{module}` for the messages that its functions send.",
    "The client side of `{module}` is there. Add the server side: {handlers}.",
    "Complete `{module}` with {handlers}.",
)
LEAST_MESSAGES: Final = 2
LONGEST: Final = 6_000


def propose(package: Package, config: InstructConfig) -> list[Candidate]:
    """Return a candidate for every module that sends and answers two messages."""
    found = []
    for material in package.libraries:
        for module in material.modules:
            messages = answered(material.messages.get(module["start_line"], ()))
            if len(messages) >= LEAST_MESSAGES:
                draft = partial(write, material, module, messages)
                found.append(Candidate(material, module["name"], module["start_line"], draft))
    return found


def answered(messages: Sequence[ProtocolRow]) -> list[ProtocolRow]:
    """Return the messages that a module both sends and answers."""
    return [
        each for each in messages if each["kind"] in HANDLERS and each["sent"] and each["answered"]
    ]


def write(material: Material, module: ModuleRow, messages: list[ProtocolRow], id_: str) -> Drafted:
    """Draft the row of a module."""
    wanted = {HANDLERS[each["kind"]] for each in messages}
    functions = [
        each
        for each in material.functions
        if each["module"] == module["name"]
        and (each["name"], each["arity"]) in wanted
        and module["start_line"] <= each["clauses"][0]["start_line"] <= module["end_line"]
    ]
    if not functions or any(each["branch"] is not None for each in functions):
        return Left.UNRESOLVED
    functions.sort(key=first_byte)
    names = [f"{each['name']}/{each['arity']}" for each in functions]
    hole = cut_out(material, module, functions, f"{', '.join(names)} go here")
    if isinstance(hole, Left):
        return hole
    if len(hole.answer) > LONGEST:
        return Left.TOO_LONG
    handlers = " and ".join(f"`{name}`" for name in names)
    told = "\n".join(f"- {each['kind']} `{each['tag']}`" for each in messages)
    task = phrase(PHRASES, id_).format(module=module["name"], handlers=handlers)
    return Draft(
        subject=module["name"],
        module=module["name"],
        question=f"{task}\n\nMessages:\n\n{told}\n\n```elixir\n{hole.shown}\n```",
        answer=hole.answer,
        sources=(material,),
        whole=hole.whole,
        spans=hole.spans,
    )


def first_byte(function: FunctionRow) -> int:
    """Return where a function begins."""
    return function["clauses"][0]["start_byte"]


KIND: Final = Kind(
    name="message_protocol",
    given="a server without the callbacks that answer the messages which it sends",
    answer="these callbacks",
    phrases=PHRASES,
    propose=propose,
)
