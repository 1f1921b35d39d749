"""From the examples in documentation to an ExUnit test that asserts them.

The form of a doctest says what its test is: `iex>` an expression, what follows its value, `**` an
exception. Nothing is executed; the rows are `parsed`.
"""

import re
from collections.abc import Iterator
from functools import partial
from typing import Final

from corpus.instruct.configuration import InstructConfig
from corpus.instruct.draft import Candidate, Draft, Drafted, Kind, phrase
from corpus.instruct.left_out import Left
from corpus.instruct.material import NOUNS, Material, Package, documentation_of, whole_functions
from corpus.rows import FunctionRow

PHRASES: Final = (
    "Turn these examples into an ExUnit test named `{short}`.",
    "Write an ExUnit test `{short}` that asserts the examples of `{name}`.",
    "The documentation of `{name}` has these examples. Assert them in a test named `{short}`.",
)
PROMPT: Final = re.compile(r"^ *iex(?:\(\d+\))?> ?(.*)$")
MORE: Final = re.compile(r"^ *\.\.\.(?:\(\d+\))?> ?(.*)$")
RAISES: Final = re.compile(r"\*\* \(([A-Z][\w.]*)\) (.+)")
UNWRITTEN: Final = re.compile(r"#[A-Z][\w.]*<|#PID|\.\.\.")
"""Values that `inspect` shows and nobody can write."""
BINDS: Final = re.compile(r"([a-z_]\w*|[{\[%][^=\n]*[}\]]) = ")
MOST_EXAMPLES: Final = 12
LEAST_ASSERTED: Final = 2
LONGEST: Final = 2_000
AROUND: Final = """defmodule Example do
  def test(name, body)
  def assert(condition)
  def assert_raise(exception, message, function)
"""
"""What the answer takes from ExUnit."""


def propose(package: Package, config: InstructConfig) -> list[Candidate]:
    """Return a candidate for every function of a package whose documentation has examples."""
    found = []
    for material in package.libraries:
        for function, condition in whole_functions(material.functions):
            has_examples = "iex>" in documentation_of(function)
            if function["kind"] in NOUNS and condition is None and has_examples:
                draft = partial(write, material, function)
                place = function["clauses"][0]["start_byte"]
                found.append(Candidate(material, function["module"], place, draft))
    return found


def write(material: Material, function: FunctionRow, id_: str) -> Drafted:
    """Draft the row of a function."""
    found = list(examples(documentation_of(function)))
    if sum(bool(value) for _, value in found) < LEAST_ASSERTED:
        return Left.TOO_SHORT
    if len(found) > MOST_EXAMPLES:
        return Left.TOO_LONG
    if any(UNWRITTEN.search(text) for each in found for text in each):
        return Left.NOT_PROVABLE
    module, name = function["module"], f"{function['name']}/{function['arity']}"
    lines = [line for code, value in found for line in assertion(code, value).split("\n")]
    body = "\n".join(f"  {line}" if line else "" for line in lines)
    answer = f'test "{name}" do\n{body}\nend'
    if len(answer) > LONGEST:
        return Left.TOO_LONG
    shown = "\n\n".join(
        "iex> " + code.replace("\n", "\n...> ") + (f"\n{value}" if value else "")
        for code, value in found
    )
    task = phrase(PHRASES, id_).format(name=f"{module}.{name}", short=name)
    start = len(AROUND.encode())
    return Draft(
        subject=f"{module}.{name}",
        module="Example",
        question=f"{task}\n\n```\n{shown}\n```",
        answer=answer,
        sources=(material,),
        whole=f"{AROUND}{answer}\nend",
        spans=((start, start + len(answer.encode())),),
    )


def examples(documentation: str) -> Iterator[tuple[str, str]]:
    """Yield the examples as code and value, both without prompts; the value may be empty."""
    code: list[str] = []
    value: list[str] = []
    for line in [*documentation.split("\n"), ""]:
        prompt, more = PROMPT.match(line), MORE.match(line)
        is_end = prompt or not line.strip() or line.strip().startswith("```")
        if code and is_end:
            yield "\n".join(code), "\n".join(value)
            code, value = [], []
        if prompt:
            code = [prompt[1]]
        elif more and code and not value:
            code.append(more[1])
        elif code and not is_end:
            value.append(line.strip())


def assertion(code: str, value: str) -> str:
    """Return the statements that assert an example."""
    if not value:
        return code
    if raises := RAISES.fullmatch(value.replace("\n", " ")):
        body = code.replace("\n", "\n  ")
        message = raises[2].replace("\\", "\\\\").replace('"', '\\"').replace("#{", "\\#{")
        return f'assert_raise {raises[1]}, "{message}", fn ->\n  {body}\nend'
    if bound := BINDS.match(code):
        return f"{code}\nassert {bound[1]} == {value}"
    if "\n" in code or " = " in code:
        return f"assert ({code}) == {value}"
    return f"assert {code} == {value}"


KIND: Final = Kind(
    name="doctest_to_assertion",
    given="the examples in the documentation of a function",
    answer="an ExUnit test that asserts them",
    phrases=PHRASES,
    propose=propose,
)
