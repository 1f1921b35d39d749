"""From the documentation of a public function to its source.

The question has what a caller knows (module, name, arity, specification, documentation with its
doctests), and what the answer uses of its module and package. The answer is the function with all
its clauses and the private functions that it reaches, without the documentation.
"""

import re
from functools import partial
from typing import Final

from corpus.instruct.answerable import Around, around, surroundings
from corpus.instruct.configuration import InstructConfig
from corpus.instruct.draft import Candidate, Draft, Drafted, Kind, phrase
from corpus.instruct.left_out import Left
from corpus.instruct.material import (
    NOUNS,
    STUB,
    Material,
    Package,
    clauses_of,
    documentation_of,
    whole_functions,
)
from corpus.rows import FunctionRow

PHRASES: Final = (
    "Write the Elixir {noun} `{name}` from its documentation.",
    "Implement this Elixir {noun} so that it does what its documentation says.",
    "Below is the documentation of an Elixir {noun}. Write its source.",
    "Complete the module `{module}`: write the {noun} `{name}`.",
    "I have documented `{module}.{name}`, but not written it yet. Please write the {noun}.",
    "How would you implement the {noun} `{name}` of `{module}`? Its documentation follows.",
)
BODY: Final = re.compile(r"\bdo\b")


def propose(package: Package, config: InstructConfig) -> list[Candidate]:
    """Return a candidate for every documented function of the library code of a package."""
    limits = config.documentation_to_function
    found = []
    for material in package.libraries:
        protocols = {item["name"] for item in material.modules if item["kind"] == "defprotocol"}
        for function, condition in whole_functions(material.functions):
            documentation = documentation_of(function)
            if function["kind"] not in NOUNS or function["module"] in protocols:
                continue
            if not documentation:
                continue
            if limits.shortest_documentation <= len(documentation) <= limits.longest_documentation:
                draft = partial(write, package, material, function, condition, config)
                place = function["clauses"][0]["start_byte"]
                found.append(Candidate(material, function["module"], place, draft))
    return found


def write(
    package: Package,
    material: Material,
    function: FunctionRow,
    condition: str | None,
    config: InstructConfig,
    id_: str,
) -> Drafted:
    """Draft the row of a function."""
    limits = config.documentation_to_function
    own = clauses_of(material.text, function["clauses"])
    if len(own) < limits.shortest_function:
        return Left.TOO_SHORT
    if len(own) > limits.longest_function:
        return Left.TOO_LONG
    if BODY.search(own) is None or STUB.search(own):
        return Left.STUB
    found = around(package, material, function, limits.longest_function)
    if isinstance(found, Left):
        return found
    whole, spans = found.whole()
    return Draft(
        subject=f"{function['module']}.{function['name']}/{function['arity']}",
        module=function["module"],
        question=question(function, condition, found, id_),
        answer=found.answer,
        sources=(material,),
        whole=whole,
        spans=spans,
        aliases=found.aliases,
    )


def question(function: FunctionRow, condition: str | None, found: Around, id_: str) -> str:
    """Return what the user asks."""
    noun, module = NOUNS[function["kind"]], function["module"]
    name = f"{function['name']}/{function['arity']}"
    task = phrase(PHRASES, id_).format(noun=noun, name=name, module=module)
    facts = [f"Module: `{module}`", f"{noun.capitalize()}: `{name}`{defaults(function)}"]
    if condition is not None:
        facts.append(f"Defined under: `{condition}`")
    parts = [task, "\n".join(facts)]
    if function["specs"]:
        specs = "\n".join(f"@spec {spec}" for spec in function["specs"])
        parts.append(f"Specification:\n\n```elixir\n{specs}\n```")
    parts.append(f"Documentation:\n\n{documentation_of(function)}")
    return "\n\n".join([*parts, *surroundings(found, f"{name} goes here")])


def defaults(function: FunctionRow) -> str:
    """Return how many of a function's arguments have a default value, in words."""
    count = function["defaults"]
    return f" (arguments with a default value: {count})" if count else ""


KIND: Final = Kind(
    name="documentation_to_function",
    given="module, name, arity, specification and documentation of a public function or macro",
    answer="the function with all its clauses and the private functions that it reaches",
    phrases=PHRASES,
    propose=propose,
)
