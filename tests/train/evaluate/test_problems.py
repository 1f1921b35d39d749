from train.evaluate.problems import Problem, Prompt, fenced


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


def test_an_answer_is_its_first_fenced_block() -> None:
    answer = "Here:\n\n```elixir\nA\nB\n```\n\nAnd:\n\n```elixir\nC\n```\n"
    assert fenced(answer) == "A\nB\n"


def test_an_answer_that_was_cut_off_is_taken_from_its_fence_on() -> None:
    assert fenced("Sure.\n```elixir\nA\nB") == "A\nB"


def test_an_answer_without_a_fence_is_all_code() -> None:
    assert fenced("defmodule A do\nend\n") == "defmodule A do\nend\n"


def test_backticks_inside_a_block_do_not_end_it() -> None:
    assert fenced('```elixir\n@doc "see `f/1` and ```x```"\n```\n') == (
        '@doc "see `f/1` and ```x```"\n'
    )


def test_a_continuation_keeps_its_backticks() -> None:
    prompt = Prompt(text="def f do\n")
    assert problem(prompt).program("```\nx\n```") == "def f do\n```\nx\n```\nend\n"
