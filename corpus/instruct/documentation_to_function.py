"""From the documentation of a public function to its source.

The question has what a caller knows (module, name, arity, specification, documentation with its
doctests). The answer is the function with all its clauses, without the documentation.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import combinations, starmap, takewhile

import pyarrow as pa

from corpus.elixir import unquotes_outside_quote
from corpus.instruct.configuration import DocumentationToFunction, InstructConfig
from corpus.instruct.conversation import (
    Conversation,
    Failed,
    identify,
    is_sound,
    phrase,
    raised,
    tabulate,
)
from corpus.instruct.material import Material, clauses_of, documentation_of, library_modules
from corpus.rows import FunctionRow

KIND = "documentation_to_function"
NOUNS = {"def": "function", "defmacro": "macro"}
"""Kinds that can be answers: delegates have no body, and private functions no documentation."""
PHRASES = (
    "Write the Elixir {noun} `{name}` from its documentation.",
    "Implement this Elixir {noun} so that it does what its documentation says.",
    "Below is the documentation of an Elixir {noun}. Write its source.",
    "Complete the module `{module}`: write the {noun} `{name}`.",
    "I have documented `{module}.{name}`, but not written it yet. Please write the {noun}.",
    "How would you implement the {noun} `{name}` of `{module}`? Its documentation follows.",
)
LABEL = re.compile(r"do|else|.*->", re.DOTALL)
"""The separator of a branch's construct and its section."""
MOST_ALTERNATIVES = 50
"""Maximum number of alternatives, because each is compared with all others."""
BODY = re.compile(r"\bdo\b")
STUB = re.compile(r"\bnif_error\b|\braise\W+[Nn]ot (?:yet )?implemented")
"""Bodies that are placeholders for native code or unwritten code."""


def rows(
    documents: pa.Table, functions: pa.Table, config: InstructConfig, failed: Failed = raised
) -> pa.Table:
    """Return one row per suitable function, in the order of documents and functions."""
    limits = config.documentation_to_function

    def converse(material: Material) -> Iterator[Conversation]:
        for each in conversations(material, limits):
            if is_sound(each) and not unquotes_outside_quote(each.answer.encode()):
                yield each

    return tabulate(library_modules(documents, functions), converse, failed)


def conversations(material: Material, limits: DocumentationToFunction) -> Iterator[Conversation]:
    """Yield a conversation for every function of a document that is long enough."""
    protocols = {item["name"] for item in material.modules if item["kind"] == "defprotocol"}
    for function, condition in whole_functions(material.functions):
        if function["module"] not in protocols and is_documented(function, limits):
            answer = clauses_of(material.text, function["clauses"])
            if is_written(answer, limits):
                id_ = identify(KIND, material.document_id, function["clauses"][0]["start_byte"])
                name = f"{function['module']}.{function['name']}/{function['arity']}"
                asked = question(function, condition, id_)
                clauses = function["clauses"]
                spans = tuple((each["start_byte"], each["end_byte"]) for each in clauses)
                module = function["module"]
                yield Conversation(id_, KIND, name, asked, answer, material, module, spans)


def whole_functions(
    functions: Sequence[FunctionRow],
) -> Iterator[tuple[FunctionRow, str | None]]:
    """Yield the functions that are complete in one row, each with its condition.

    Of alternatives, the first one with documentation is used, with its condition. A function is
    left out if it is defined partly under a condition and partly without it or under another one,
    or if it is overridden later, because no row has all of it.
    """
    rows: dict[tuple[str, str, int], list[FunctionRow]] = {}
    for function in functions:
        key = (function["module"], function["name"], function["arity"])
        rows.setdefault(key, []).append(function)
    for alternatives in rows.values():
        branches = [each["branch"] for each in alternatives]
        if len(alternatives) == 1:
            yield alternatives[0], None
        elif len(branches) <= MOST_ALTERNATIVES and all(
            starmap(exclude_each_other, combinations(branches, 2))
        ):
            documented = [each for each in alternatives if documentation_of(each)]
            if documented:
                yield documented[0], documented[0]["branch"]


def exclude_each_other(one: str | None, other: str | None) -> bool:
    """Return whether two branches are alternatives in one construct, such as `if a: do` and `if a:
    else`.

    Sections of `try` are not alternatives, because several of them may run.
    """
    if one is None or other is None:
        return False
    pairs = zip(one.split(" / "), other.split(" / "), strict=False)
    parting = next((pair for pair in pairs if pair[0] != pair[1]), ("", ""))
    same = takewhile(lambda letters: letters[0] == letters[1], zip(*parting, strict=False))
    told = "".join(letter for letter, _ in same).rpartition(": ")[0]
    labels = (each[len(told) + 2 :] for each in parting)
    return bool(told) and not told.startswith("try") and all(map(LABEL.fullmatch, labels))


def is_documented(function: FunctionRow, limits: DocumentationToFunction) -> bool:
    """Return whether a function has sufficient documentation."""
    documentation = documentation_of(function)
    if function["kind"] not in NOUNS or not documentation or not function["clauses"]:
        return False
    return limits.shortest_documentation <= len(documentation) <= limits.longest_documentation


def is_written(answer: str, limits: DocumentationToFunction) -> bool:
    """Return whether the source of a function is more than a head, an accessor or a stub."""
    fits = limits.shortest_function <= len(answer) <= limits.longest_function
    return fits and BODY.search(answer) is not None and STUB.search(answer) is None


def question(function: FunctionRow, condition: str | None, id_: str) -> str:
    """Return what the user asks."""
    noun, module = NOUNS[function["kind"]], function["module"]
    name = f"{function['name']}/{function['arity']}"
    task = phrase(PHRASES, id_).format(noun=noun, name=name, module=module)
    facts = [f"Module: `{module}`", f"{noun.capitalize()}: `{name}`{defaults(function)}"]
    if condition is not None:
        facts.append(f"Defined under: `{condition}`")
    specs = "\n".join(f"@spec {spec}" for spec in function["specs"])
    parts = [task, "\n".join(facts)]
    if specs:
        parts.append(f"Specification:\n\n```elixir\n{specs}\n```")
    return "\n\n".join([*parts, f"Documentation:\n\n{documentation_of(function)}"])


def defaults(function: FunctionRow) -> str:
    """Return how many of a function's arguments have a default value, in words."""
    count = function["defaults"]
    return f" (arguments with a default value: {count})" if count else ""
