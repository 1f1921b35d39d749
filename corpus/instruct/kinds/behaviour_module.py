"""From the skeleton of a module that implements a behaviour to the module.

The question has the moduledoc, and of the module its directives, attributes, struct and types, and
its public functions with documentation, specification and heads. The answer is the module without
documentation, which the question has.
"""

import re
from collections.abc import Sequence
from functools import partial
from typing import Final

from corpus.elixir import extract
from corpus.elixir.layout import ModuleBody
from corpus.extraction import Extraction
from corpus.instruct.answerable import (
    LONGEST_PIECE,
    MOST_ELSEWHERE,
    functions_elsewhere,
    heads_of,
    indented,
    outer_directives,
)
from corpus.instruct.configuration import BehaviourModule, InstructConfig
from corpus.instruct.draft import Candidate, Draft, Drafted, Kind, phrase
from corpus.instruct.left_out import Left
from corpus.instruct.material import (
    PRIVATE,
    Material,
    Package,
    dedented,
    documentation_of,
    line_start,
)
from corpus.parsing import NestedTooDeeply, Unparsable
from corpus.rows import FunctionRow, ModuleRow

NO_BEHAVIOURS: Final = frozenset({"Exception"})
"""What every exception has, and what says nothing of a module."""
PHRASES: Final = (
    "Write the Elixir module `{module}`, which implements {behaviour}.",
    "Implement {behaviour} in an Elixir module named `{module}`.",
    "I need an Elixir module `{module}` that implements {behaviour}. Its purpose is below.",
    "Below is what `{module}` is for. Write it as an Elixir module that implements {behaviour}.",
    "Fill in the skeleton of `{module}`, an Elixir module that implements {behaviour}.",
)
MOST_FUNCTIONS: Final = 40
SHOWN: Final = frozenset({"use", "import", "alias", "require", "struct", "type", "attribute"})
UNTOLD: Final = frozenset({"doc", "moduledoc", "typedoc", "impl", "deprecated", "since", "spec"})
DOCUMENTATION: Final = re.compile(rb"@(?:\s|\\\r?\n)*(?:moduledoc|typedoc|doc)\b")


def propose(package: Package, config: InstructConfig) -> list[Candidate]:
    """Return a candidate for every documented module that implements a behaviour."""
    limits, found = config.behaviour_module, []
    for material in package.libraries:
        for module in material.modules:
            behaviours = [item["name"] for item in module["behaviours"]]
            behaviours = [name for name in behaviours if name not in NO_BEHAVIOURS]
            if behaviours and has_purpose(module, limits):
                draft = partial(write, package, material, module, behaviours, limits)
                found.append(Candidate(material, module["name"], module["start_line"], draft))
    return found


def has_purpose(module: ModuleRow, limits: BehaviourModule) -> bool:
    """Return whether a module has documentation of its purpose."""
    purpose = documentation_of(module)
    if module["kind"] != "defmodule" or not purpose:
        return False
    return limits.shortest_purpose <= len(purpose) <= limits.longest_purpose


def write(
    package: Package,
    material: Material,
    module: ModuleRow,
    behaviours: list[str],
    limits: BehaviourModule,
    id_: str,
) -> Drafted:
    """Draft the row of a module."""
    starts, name = material.line_starts, module["name"]
    start, end = starts[module["start_line"] - 1], starts[module["end_line"]] - 1
    body = material.bodies.get(module["start_line"])
    if body is None or end - start > 4 * (limits.longest_module + limits.longest_purpose):
        return Left.TOO_LONG  # even if it had no documentation and no indentation
    answer = without_documentation(dedented(material.text[start:end]), name)
    if answer is None:
        return Left.UNPARSABLE
    if len(answer) < limits.shortest_module:
        return Left.TOO_SHORT
    if len(answer) > limits.longest_module:
        return Left.TOO_LONG
    functions = functions_within(material, module)
    if len(functions) > MOST_FUNCTIONS:
        return Left.TOO_LONG
    spans = ((body.start, body.end),)
    uses = material.surroundings.uses(spans, name)
    elsewhere = functions_elsewhere(package, material, body, uses)
    if len(elsewhere) > MOST_ELSEWHERE:
        return Left.TOO_MANY_NAMES
    outer = outer_directives(material, module)
    noun = "behaviour" if len(behaviours) == 1 else "behaviours"
    names = " and ".join(f"`{each}`" for each in behaviours)
    task = phrase(PHRASES, id_).format(module=name, behaviour=f"the {noun} {names}")
    shown = skeleton(material, body, name, functions)
    return Draft(
        subject=name,
        module=name,
        question=(
            f"{task}\n\nPurpose:\n\n{documentation_of(module)}\n\n"
            f"Skeleton:\n\n```elixir\n{outer}{shown}\n```\n\n"
            f"{paragraph_on(elsewhere)}Give the whole module, without its documentation."
        ),
        answer=f"{outer}{answer}",
        sources=(material,),
        whole=f"{outer}{answer}",
        spans=((0, len(f"{outer}{answer}".encode())),),
    )


def paragraph_on(functions: Sequence[str]) -> str:
    """Return the paragraph on functions of other modules, empty if there are none."""
    listed = "\n".join(functions)
    return f"Other modules of the package have:\n\n{listed}\n\n" if functions else ""


def functions_within(material: Material, module: ModuleRow) -> list[FunctionRow]:
    """Return the public functions of a module; another one of the file may have its name."""
    return [
        each
        for each in material.functions
        if each["module"] == module["name"]
        and each["kind"] not in PRIVATE
        and module["start_line"] <= each["clauses"][0]["start_line"] <= module["end_line"]
    ]


def skeleton(material: Material, body: ModuleBody, name: str, functions: list[FunctionRow]) -> str:
    """Return a module with the heads of its public functions alone."""
    pieces: list[tuple[int, str]] = []
    for each in body.statements:
        if each.kind in SHOWN and each.name not in UNTOLD and each.end - each.start < LONGEST_PIECE:
            text = dedented(material.text[line_start(material.text, each.start) : each.end])
            pieces.append((each.start, text))
    for function in functions:
        documentation = documentation_of(function).replace("\n", "\n# ")
        told = f"# {documentation}\n" if documentation else ""
        told += f"@impl {function['impl']}\n" if function["impl"] else ""
        told += "".join(f"@spec {each}\n" for each in function["specs"])
        told += "\n\n".join(heads_of(material, function))
        pieces.append((function["clauses"][0]["start_byte"], told))
    inside = "\n\n".join(indented(text) for _, text in sorted(pieces))
    return f"defmodule {name} do\n{inside}\nend"


def without_documentation(source: str, name: str) -> str | None:
    """Return the source of a module without the documentation in it, or None if it cannot stand.

    It is None if the source alone does not parse, or has another module name: the source of a
    nested module does not contain its full name.
    """
    extraction = parsed(source)
    if extraction is None or all(module.name != name for module in extraction.modules):
        return None
    raw, pieces, position = source.encode(), [], 0
    for start, end in sorted(extraction.doc_spans):
        if start >= position and DOCUMENTATION.match(raw, start):
            pieces.append(raw[position : line_start(raw, start)])
            position = end + len(raw[end : end + 1000]) - len(raw[end : end + 1000].lstrip(b"\n"))
    return b"".join([*pieces, raw[position:]]).decode()


def parsed(source: str) -> Extraction | None:
    """Return the extraction from Elixir source, or None if it has an error."""
    try:
        extraction = extract(source.encode())
    except (NestedTooDeeply, Unparsable):
        return None
    return None if extraction.parse_errors else extraction


KIND: Final = Kind(
    name="behaviour_module",
    given="a behaviour, the moduledoc, and a skeleton with documentation, specifications and heads",
    answer="the module without its documentation",
    phrases=PHRASES,
    propose=propose,
)
