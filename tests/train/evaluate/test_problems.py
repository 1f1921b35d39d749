import pytest

from train.evaluate.problems import Problem, Prompt, code_of


def problem(prompt: Prompt) -> Problem:
    return Problem(
        identity="x/1", source="x", prompt=prompt, before="def f do\n", after="\nend\n", tests={}
    )


def test_a_completion_ends_before_the_first_stop() -> None:
    prompt = Prompt(text="def f do\n", stop=("\nend", "\n#"))
    assert prompt.cut("  1\n# more\nend\n") == "  1"
    assert prompt.cut("  1\n") == "  1\n"
    assert problem(prompt).program("  1\nend\n\ndef g do\n  2") == "def f do\n  1\nend\n"


def test_a_text_to_be_continued_has_no_messages_and_a_question_has_one() -> None:
    assert Prompt(text="def f").messages == []
    assert Prompt(question="Why?").messages == [{"role": "user", "content": "Why?"}]


def test_an_answer_is_the_blocks_that_define_modules() -> None:
    answer = (
        "Run `mix new x`:\n\n```bash\nmix new x\n```\n\n```elixir\nA.call()\n```\n\n"
        "```elixir\ndefmodule A do\nend\n```\n\nand\n\n```Elixir\ndefmodule B do\nend\n```\n\n"
        "```python\ndefmodule C\n```\n"
    )
    assert code_of(answer) == "defmodule A do\nend\n\ndefmodule B do\nend\n"


@pytest.mark.parametrize("beside", ["use ExUnit.Case, async: true", "use Mix.Project"])
def test_tests_and_project_files_are_not_part_of_the_program(beside: str) -> None:
    added = f"defmodule Added do\n  {beside}\nend\n"
    answer = f"```elixir\n{added}```\n\n```elixir\ndefmodule A do\nend\n```\n"
    assert code_of(answer) == "defmodule A do\nend\n"
    assert code_of(f"```elixir\n{added}```\n") == added, "unless there is nothing else"


def test_an_answer_without_a_module_is_its_longest_block() -> None:
    assert code_of("```elixir\n1\n```\n\n```elixir\n1 + 1\n```\n\n```elixir\n2\n```\n") == "1 + 1\n"


def test_a_fence_in_a_moduledoc_does_not_end_the_block() -> None:
    module = 'defmodule A do\n  @moduledoc """\n  ```elixir\n  A.f()\n  ```\n  """\nend\n'
    assert code_of(f"```elixir\n{module}```\nDone.") == module
    assert code_of(f"1. So:\n\n   ```elixir\n{module}   ```\n") == module
    assert code_of(f"````elixir\n{module}````\n") == module


def test_protocols_and_their_implementations_are_part_of_the_program() -> None:
    written = ("defprotocol P do\nend\n", "defimpl P, for: Map do\nend\n", "defmodule A do\nend\n")
    answer = "\n".join(f"```elixir\n{each}```\n" for each in written)
    assert code_of(answer) == "\n".join(written)


def test_a_module_is_kept_with_the_tests_in_its_block() -> None:
    both = "defmodule A do\nend\n\ndefmodule ATest do\n  use ExUnit.Case\nend\n"
    example = "defmodule Demo do\nend\n"
    answer = f"```elixir\n{both}```\n\n```elixir\n{example}```\n"
    assert code_of(answer) == f"{both}\n{example}"


def test_a_block_that_was_cut_off_does_not_spoil_whole_ones() -> None:
    whole = "defmodule A do\nend\n"
    assert code_of(f"```elixir\n{whole}```\n\n```elixir\ndefmodule ATest do\n  te") == whole


@pytest.mark.parametrize(
    "answer",
    [
        "~~~elixir\ndefmodule A do\nend\n~~~\n",
        "1. So:\n\n   ```elixir\ndefmodule A do\nend\n```\n\nDone.",
        "```elixir title=a.ex\ndefmodule A do\nend\n```\nDone.",
        "```elixir:lib/a.ex\ndefmodule A do\nend\n```\nDone.",
        "``` {.elixir .numbered}\ndefmodule A do\nend\n```\nDone.",
    ],
)
def test_fences_as_people_write_them_are_found(answer: str) -> None:
    assert code_of(answer) == "defmodule A do\nend\n"
    assert code_of(answer.replace("\n", "\r\n")) == "defmodule A do\r\nend\r\n"


def test_an_answer_that_was_cut_off_is_taken_from_its_fence_on() -> None:
    assert code_of("Sure.\n```elixir\nA\nB") == "A\nB"


def test_an_answer_without_a_fence_is_all_code() -> None:
    assert code_of("defmodule A do\nend\n") == "defmodule A do\nend\n"


def test_backticks_inside_a_block_do_not_end_it() -> None:
    assert code_of('```elixir\n@doc "see `f/1` and ```x```"\n```\n') == (
        '@doc "see `f/1` and ```x```"\n'
    )


def test_a_continuation_keeps_its_backticks() -> None:
    prompt = Prompt(text="def f do\n")
    assert problem(prompt).program("```\nx\n```") == "def f do\n```\nx\n```\nend\n"
