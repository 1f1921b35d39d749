"""From a module without one of its callbacks to that callback.

The question is the module with everything else in it: the functions that send the messages, the
state, the other callbacks. The answer is the callback with all its clauses.
"""

from functools import partial
from typing import Final

from corpus.instruct.answerable import cut_out
from corpus.instruct.configuration import InstructConfig
from corpus.instruct.difficulty import Level, level_of
from corpus.instruct.draft import Candidate, Draft, Drafted, Kind, phrase
from corpus.instruct.left_out import Left
from corpus.instruct.material import Material, Package
from corpus.rows import FunctionRow, ModuleRow

CALLBACKS: Final = {
    "GenServer": "init/1 handle_call/3 handle_cast/2 handle_info/2 handle_continue/2",
    ":gen_server": "init/1 handle_call/3 handle_cast/2 handle_info/2",
    ":gen_statem": "init/1 handle_event/4",
    ":gen_event": "init/1 handle_event/2 handle_call/2 handle_info/2",
    "GenStage": "init/1 handle_demand/2 handle_events/3 handle_call/3 handle_info/2 handle_cast/2",
    "Plug": "call/2 init/1",
    "Ecto.Type": "cast/1 load/1 dump/1 equal?/2",
}
"""Callbacks of which the rest of a module tells what they have to do."""
KNOWN: Final = {name: frozenset(callbacks.split()) for name, callbacks in CALLBACKS.items()}
PHRASES: Final = (
    "The callback `{name}` is missing in this module. Write it.",
    "`{module}` implements {behaviour}, but lacks `{name}`. Complete it.",
    "Write the clauses of `{name}` that this module needs.",
    "Look at the rest of `{module}` and write its callback `{name}`.",
)
SHORTEST: Final = 80
LONGEST: Final = 3_500


def propose(package: Package, config: InstructConfig) -> list[Candidate]:
    """Return a candidate for every known callback of the library code of a package."""
    found = []
    for material in package.libraries:
        behaviours = {
            module["name"]: [each["name"] for each in module["behaviours"] if each["name"] in KNOWN]
            for module in material.modules
        }
        if not any(behaviours.values()):
            continue
        for function in material.functions:
            names = behaviours.get(function["module"], ())
            name = f"{function['name']}/{function['arity']}"
            place = function["clauses"][0]["start_byte"]
            if function["kind"] != "def" or function["branch"] is not None:
                continue
            row = material.module_at(function["module"], place)
            if row is not None and any(name in KNOWN[each] for each in names):
                draft = partial(write, material, row, function, " and ".join(names))
                found.append(Candidate(material, function["module"], place, draft))
    return found


def write(
    material: Material, module: ModuleRow, function: FunctionRow, behaviours: str, id_: str
) -> Drafted:
    """Draft the row of a callback."""
    name = f"{function['name']}/{function['arity']}"
    hole = cut_out(material, module, [function], f"{name} goes here")
    if isinstance(hole, Left):
        return hole
    if len(hole.answer) < SHORTEST:
        return Left.TOO_SHORT
    if len(hole.answer) > LONGEST:
        return Left.TOO_LONG
    task = phrase(PHRASES, id_).format(
        name=name, module=function["module"], behaviour=f"the behaviour {behaviours}"
    )
    return Draft(
        subject=f"{function['module']}.{name}",
        module=function["module"],
        question=f"{task}\n\n```elixir\n{hole.shown}\n```",
        answer=hole.answer,
        sources=(material,),
        whole=hole.whole,
        spans=hole.spans,
    )


def passes_on(draft: Draft) -> Left | None:
    """Refuse a callback of a few lines around one call."""
    return Left.TRIVIAL if level_of(draft.answer) is Level.GLUE else None


KIND: Final = Kind(
    name="callback_completion",
    given="a module that implements a behaviour of processes, Plug or Ecto, without a callback",
    answer="the callback with all its clauses",
    phrases=PHRASES,
    propose=propose,
    filters=(passes_on,),
)
