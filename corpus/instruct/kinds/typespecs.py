"""From the source of a function to its specification.

The question has the function with the private functions that it reaches and the types that the
specification uses, the answer its `@spec`.
"""

import re
from dataclasses import replace
from functools import partial
from typing import Final

from corpus.instruct.answerable import around, first_segments, told_elsewhere
from corpus.instruct.configuration import InstructConfig
from corpus.instruct.draft import Candidate, Draft, Drafted, Kind, phrase
from corpus.instruct.left_out import Left
from corpus.instruct.material import Material, Package, whole_functions
from corpus.rows import FunctionRow

PHRASES: Final = (
    "Add a typespec to `{name}`.",
    "Write the `@spec` of `{name}` in `{module}`.",
    "Which `@spec` should `{name}` have?",
    "`{module}.{name}` has no specification. Write it.",
)
KINDS: Final = frozenset({"def", "defp"})
LONGEST_SOURCE: Final = 3_000
VAGUE: Final = re.compile(r"[(,]\s*(?:any|term)(?:\(\))?\s*(?=[,)])|::\s*(?:any|term)\b")
TOLD: Final = re.compile(r"[a-z_]\w*(?:\.t)?\(|[A-Z][\w.]*\.\w+|:\w+|\{|\[")
"""What a specification says more than a name: a type, an atom, a tuple or a list."""
LEAST_TOLD: Final = 3
WORD: Final = re.compile(r"[a-z_]\w*[?!]?")
ATOM: Final = re.compile(r"(?<!:):([a-z_]\w*[?!]?)")


def propose(package: Package, config: InstructConfig) -> list[Candidate]:
    """Return a candidate for every specified function of the library code of a package."""
    found = []
    for material in package.libraries:
        for function, condition in whole_functions(material.functions):
            if function["specs"] and function["kind"] in KINDS and condition is None:
                draft = partial(write, package, material, function)
                place = function["clauses"][0]["start_byte"]
                found.append(Candidate(material, function["module"], place, draft))
    return found


def write(package: Package, material: Material, function: FunctionRow, id_: str) -> Drafted:
    """Draft the row of a function."""
    answer = "\n".join(f"@spec {each}" for each in function["specs"])
    if VAGUE.search(answer) or len(TOLD.findall(answer)) < LEAST_TOLD:
        return Left.TRIVIAL
    found = around(package, material, function, LONGEST_SOURCE)
    if isinstance(found, Left):
        return found
    code = found.whole()[0] if found.shown("") else found.answer
    shown = "\n\n".join([f"```elixir\n{code}\n```", *told_elsewhere(found)])
    if not set(ATOM.findall(answer)) <= set(WORD.findall(shown)):
        return Left.TELLS_UNSEEN
    whole, ((start, _),) = replace(found, answer=f"{answer}\n{found.answer}").whole()
    indented = answer.replace("\n", "\n  ")
    known = material.surroundings.aliases.keys()
    name = f"{function['name']}/{function['arity']}"
    task = phrase(PHRASES, id_).format(name=name, module=function["module"])
    return Draft(
        subject=f"{function['module']}.{name}",
        module=function["module"],
        question=f"{task}\n\nModule: `{function['module']}`\n\n{shown}",
        answer=answer,
        sources=(material,),
        whole=whole,
        spans=((start, start + 2 + len(indented.encode())),),
        aliases=frozenset(first_segments(function["specs"]) & known),
        effort=found.answer,
    )


KIND: Final = Kind(
    name="typespecs",
    given="a function, the private functions that it reaches, and types of its module",
    answer="its `@spec`",
    phrases=PHRASES,
    propose=propose,
)
