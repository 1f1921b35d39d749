"""A problem is found in a text whatever its format and its names, and other code is not."""

import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.decontamination.benchmarks import Benchmark, Passage, Problem
from corpus.decontamination.matching import GRAM, Index, Shares, Text, index_of, matches
from tests.corpus.decontamination.problems import PROMPT, RENAMED, SOLUTION, TESTS
from tests.stores import module

PASSAGES = (
    Passage("prompt", PROMPT),
    Passage("solution", SOLUTION, "elixir"),
    Passage("tests", TESTS, "elixir"),
)
ERLANG = """\
-module(tolls).
-export([total/2]).
%% Adds up what boats pay.
total(Boats, Season) ->
    Guests = [Boat || Boat <- Boats, maps:get(moored_by, Boat) =/= owner],
    lists:sum([price(Boat, Season) || Boat <- Guests]).
price(#{length := Length}, Season) when Length > 12 -> base(Season) + 3 * (Length - 12);
price(_, Season) -> base(Season).
base(summer) -> 20;
base(winter) -> 8;
base(Other) -> erlang:error({no_season, Other}).
"""


def benchmark(*passages: Passage, name: str = "harbour", problems: int = 1) -> Index:
    made = [Problem(f"p{number}", passages, (Path("p"),)) for number in range(problems)]
    return Index(index_of([Benchmark(name, tuple(made), "0" * 64, 1)]))


HARBOUR = benchmark(*PASSAGES)


def found(text: str, index: Index = HARBOUR, language: str | None = "elixir") -> list[str]:
    """Return part and kind of what is found."""
    hits = matches([Text(text.encode(), language)], index, Shares())
    return [f"{index.passages[hit.passage][2]} by {hit.kind}" for hit in hits]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SOLUTION, ["solution by structure", "solution by words"]),
        (TESTS, ["tests by structure", "tests by words"]),
        (RENAMED, ["solution by structure"]),
        ("# " + PROMPT.replace(" all ", "\n  # all "), ["prompt by words"]),
        (
            " ".join(re.sub("# .*", "", SOLUTION).split()),
            ["solution by structure", "solution by words"],
        ),
        (re.sub("( *# |  @doc).*\n", "", SOLUTION), ["solution by structure", "solution by words"]),
        (module("Anchor", "drop raise hold swing").decode(), []),
        ("", []),
        ("word " * 500, []),
    ],
)
def test_what_a_text_holds(text: str, expected: list[str]) -> None:
    assert found(text) == expected


def test_a_solution_is_found_inside_a_larger_module() -> None:
    around = [module(f"Boat{n}", "bow stern keel mast").decode() for n in range(20)]
    inner = RENAMED.replace("\n", "\n    ")
    whole = "\n".join([*around[:10], "defmodule Outer do", inner, "end", *around[10:]])
    (match,) = matches([Text(whole.encode(), "elixir")], HARBOUR, Shares())
    assert match.grams == match.of
    held = whole.encode()[match.start : match.end].decode()
    assert held.startswith("defmodule Zoo.Costs do")
    assert "no such epoch" in held.splitlines()[-1]


def test_parts_that_are_far_from_each_other_are_no_copy() -> None:
    """A long file has many idioms, which together say nothing."""
    pieces = [RENAMED[place : place + 90] for place in range(0, len(RENAMED), 90)]
    others = (module(f"Boat{n}", "bow stern keel mast hull sail").decode() for n in range(99))
    assert (
        found("\n".join(each for pair in zip(pieces, others, strict=False) for each in pair)) == []
    )


def test_erlang_is_compared_as_well() -> None:
    index = benchmark(Passage("solution", ERLANG, "erlang"))
    names = ("Boat", "Season", "Guests", "Length", "price", "base", "total", "tolls", "moored_by")
    renamed = re.sub("%%.*", "", ERLANG)
    for number, name in enumerate(names):
        new = f"{'V' if name[0].isupper() else 'v'}{number}"
        renamed = re.sub(rf"\b{name}", new, renamed)
    assert found(renamed, index, "erlang") == ["solution by structure"]


def test_a_template_is_compared_by_its_words() -> None:
    assert found(f"<p>{PROMPT}</p>", language="heex") == ["prompt by words"]


def test_of_a_guide_the_words_and_the_structure_of_its_blocks_are_compared() -> None:
    guide = f"# Tolls\n\n```elixir\n{RENAMED}\n```\n"
    assert found(guide, language="markdown") == ["solution by structure"]
    assert found(guide.replace("```elixir", ""), language="markdown") == []
    assert found(f"# Tolls\n\n{PROMPT}\n", language="livemd") == ["prompt by words"]


def test_a_passage_of_too_few_words_is_not_compared() -> None:
    twelve = "the ferry leaves harbour before dawn and returns when gulls are asleep"
    assert len(twelve.split()) == GRAM - 1
    assert benchmark(Passage("prompt", twelve)).comparable() == []
    longer = benchmark(Passage("prompt", f"{twelve} again"))
    assert longer.comparable() == [("harbour", "p0", "prompt")]
    assert found(f"# {twelve} again", longer) == ["prompt by words"]


def test_lists_of_numbers_and_letters_say_nothing() -> None:
    table = Passage("tests", "assert [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]", None)
    letters = Passage("tests", "a b c d e f g h i j k l m n o p q r s t u v w x y z")
    assert benchmark(table, letters).comparable() == []


def test_what_all_problems_share_is_boilerplate() -> None:
    assert benchmark(Passage("prompt", PROMPT), problems=1000).comparable() != []
    assert benchmark(Passage("prompt", PROMPT), problems=1001).comparable() == []


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.sampled_from(
            [SOLUTION, RENAMED, TESTS, PROMPT, "", "\x00", '"""', "# é", SOLUTION[200:500], ERLANG]
        ),
        max_size=8,
    )
)
def test_texts_that_are_compared_together_match_as_alone(texts: list[str]) -> None:
    given_texts = [Text(each.encode(), "elixir") for each in texts]
    alone = [
        match._replace(text=number)
        for number, text in enumerate(given_texts)
        for match in matches([text], HARBOUR, Shares())
    ]
    assert matches(given_texts, HARBOUR, Shares()) == alone


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=200), st.sampled_from(["elixir", "erlang", "heex", "markdown", None]))
def test_any_bytes_are_compared(data: bytes, language: str | None) -> None:
    assert matches([Text(data, language)], HARBOUR, Shares()) == []


@pytest.mark.parametrize(
    "piece", ['@doc """\n', '@doc "', "@doc ", "#", '"', "a ", "def f(x), do: x\n", SOLUTION]
)
def test_the_time_is_linear_in_the_text(piece: str) -> None:
    """A megabyte takes seconds at most, whatever it repeats; a quadratic step would take hours."""
    began = time.process_time()
    found(piece * (1_000_000 // len(piece)))
    assert time.process_time() - began < 20
