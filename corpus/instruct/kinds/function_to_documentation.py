"""From the source of a documented function to its documentation.

The question has the function with the private functions that it reaches and what they use, the
answer `@doc` with the text. Documentation that tells of what the code does not show is left out:
names in backticks have to be in the question, unless they are Elixir's own.
"""

import re
from dataclasses import replace
from functools import partial
from typing import Final

from corpus.instruct.answerable import around
from corpus.instruct.configuration import InstructConfig
from corpus.instruct.draft import Candidate, Draft, Drafted, Kind, phrase
from corpus.instruct.left_out import Left
from corpus.instruct.material import (
    NOUNS,
    STUB,
    Material,
    Package,
    documentation_of,
    whole_functions,
)
from corpus.rows import FunctionRow

PHRASES: Final = (
    "Write the `@doc` of `{name}`.",
    "Document the {noun} `{name}` of `{module}`.",
    "`{module}.{name}` has no documentation yet. Write it.",
    "What does `{name}` do? Answer with its `@doc`.",
)
SHORTEST: Final = 100
LONGEST: Final = 1_800
LONGEST_SOURCE: Final = 4_000
CODE: Final = re.compile(r"`+([^`\n]{1,80})`+")
WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*[?!]?")
LINK: Final = re.compile(
    r"\]\(|https?://|\bsee (?:also|the)\b|\bguide|#module-|\bsince\b|\bdeprecat", re.I
)
COMMON: Final = frozenset({"true", "false", "nil", "ok", "error", "iex", "do", "end", "fn"})


def propose(package: Package, config: InstructConfig) -> list[Candidate]:
    """Return a candidate for every well documented function of a package."""
    found = []
    for material in package.libraries:
        for function, condition in whole_functions(material.functions):
            length = len(documentation_of(function))
            if function["kind"] in NOUNS and condition is None and SHORTEST <= length <= LONGEST:
                draft = partial(write, package, material, function)
                place = function["clauses"][0]["start_byte"]
                found.append(Candidate(material, function["module"], place, draft))
    return found


def write(package: Package, material: Material, function: FunctionRow, id_: str) -> Drafted:
    """Draft the row of a function."""
    documentation = documentation_of(function)
    found = around(package, material, function, LONGEST_SOURCE)
    if isinstance(found, Left):
        return found
    if STUB.search(found.answer) or "invoked directly" in found.answer:
        return Left.STUB
    if '"""' in documentation or "\\" in documentation or "#{" in documentation:
        return Left.NOT_PROVABLE
    code = "".join(f"@spec {each}\n" for each in function["specs"]) + found.answer
    if found.shown(""):
        code = replace(found, answer=code).whole()[0]
    if tells_unseen(documentation, f"{function['module']} {function['name']} {code}"):
        return Left.TELLS_UNSEEN
    noun, name = NOUNS[function["kind"]], f"{function['name']}/{function['arity']}"
    task = phrase(PHRASES, id_).format(noun=noun, name=name, module=function["module"])
    answer = f'@doc """\n{documentation}\n"""'
    return Draft(
        subject=f"{function['module']}.{name}",
        module=function["module"],
        question=f"{task}\n\nModule: `{function['module']}`\n\n```elixir\n{code}\n```",
        answer=answer,
        sources=(material,),
        whole=answer,
        spans=((0, len(answer.encode())),),
        effort=found.answer,
    )


def tells_unseen(documentation: str, code: str) -> bool:
    """Return whether documentation has names, links or history that the code does not show."""
    if LINK.search(documentation):
        return True
    words = {*WORD.findall(code), *COMMON}
    for quoted in CODE.findall(documentation):
        if quoted[:1] == ":" and not set(WORD.findall(quoted)) <= words:
            return True
        if re.fullmatch(r"[a-z_][\w]*[?!]?/\d+", quoted) and quoted.partition("/")[0] not in words:
            return True
        if re.match(r"--|[A-Z]", quoted) and not set(WORD.findall(quoted)) <= words:
            return True
    return False


KIND: Final = Kind(
    name="function_to_documentation",
    given="a public function or macro, the private functions that it reaches, and what they use",
    answer="its `@doc`",
    phrases=PHRASES,
    propose=propose,
)
