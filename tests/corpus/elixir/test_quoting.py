import pytest

from corpus.elixir import unquotes_outside_quote


@pytest.mark.parametrize(
    "source",
    [
        b"def unquote(name)(x), do: x",
        b"def f(%{unquote_splicing(pairs)}), do: 1",
        b"def f(x) do\n  x + unquote(y)\nend",
        b"def f(x) do\n  [quote(do: x), unquote(y)]\nend",
    ],
)
def test_a_value_from_the_code_around_is_noticed(source: bytes) -> None:
    assert unquotes_outside_quote(source)


@pytest.mark.parametrize(
    "source",
    [
        b"def f(x), do: x",
        b"defmacro f(x) do\n  quote do\n    unquote(x) + 1\n  end\nend",
        b"defmacro f(x), do: quote(do: [unquote_splicing(x)])",
        b"defmacro f(x) do\n  quote location: :keep do\n    quote do: unquote(x)\n  end\nend",
        b'# unquote(x)\ndef f(x), do: {:unquote, x, "unquote(x)"}',
    ],
)
def test_what_a_quote_holds_is_filled_in_there(source: bytes) -> None:
    assert not unquotes_outside_quote(source)
