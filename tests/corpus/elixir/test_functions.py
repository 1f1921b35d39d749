import pytest

from corpus.elixir import extract
from corpus.extraction import Function


def functions(body: str) -> list[Function]:
    return list(extract(f"defmodule M do\n{body}\nend".encode()).functions)


def signature(body: str) -> tuple[str, int, int, str] | None:
    found = functions(body)
    assert len(found) < 2
    return (found[0].name, found[0].arity, found[0].defaults, found[0].kind) if found else None


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def f, do: 1", ("f", 0, 0, "def")),
        ("def f() do\nend", ("f", 0, 0, "def")),
        ("def(f(a), do: a)", ("f", 1, 0, "def")),
        ("def f a, b do\nend", ("f", 2, 0, "def")),
        ("defp f?(a, b: b, c: c), do: 1", ("f?", 2, 0, "defp")),
        ("defmacro f!(do: block), do: block", ("f!", 1, 0, "defmacro")),
        ("defmacrop f(a), do: a", ("f", 1, 0, "defmacrop")),
        ("defguard is_f(a) when a > 1", ("is_f", 1, 0, "defguard")),
        ("defguardp is_f(a) when a > 1", ("is_f", 1, 0, "defguardp")),
        ("defdelegate f(a, b \\\\ 1), to: X", ("f", 2, 1, "defdelegate")),
        ("def f(a, b \\\\ %{}, c \\\\ [1])", ("f", 3, 2, "def")),
        ('def f(a, "\\\\" <> b), do: b', ("f", 2, 0, "def")),
        ("def f(a, # one, two\n b), do: a", ("f", 2, 0, "def")),
        ("def f(a) when a when b, do: a", ("f", 1, 0, "def")),
        ("def (f(a) when a), do: a", ("f", 1, 0, "def")),
        ("def a + b, do: 1", ("+", 2, 0, "def")),
        ("def a |> b when a, do: 1", ("|>", 2, 0, "def")),
        ("def a and b, do: 1", ("and", 2, 0, "def")),
        ("def a not in b, do: 1", ("not", 1, 0, "def")),
        ("def -a, do: 1", ("-", 1, 0, "def")),
        ("def not a, do: 1", ("not", 1, 0, "def")),
        ("def @a, do: 1", ("@", 1, 0, "def")),
        ("def first..last//step, do: 1", ("..//", 3, 0, "def")),
        ("def first..last, do: 1", ("..", 2, 0, "def")),
        ("def (..), do: 1", ("..", 0, 0, "def")),
        ("def f(unquote(x)), do: 1", ("f", 1, 0, "def")),
        ("def über(ß), do: ß", ("über", 1, 0, "def")),
        ("def unquote(name)(x), do: x", None),
        ("def unquote(head), do: 1", None),
        ("def f(unquote_splicing(x)), do: 1", None),
        ("def A.f(x), do: 1", None),
        ("quote do: def(f, do: 1)", None),
        ("defmacro unquote(:f)(x) do\nquote do\ndef g, do: 1\nend\nend", None),
        ("define f(a), do: a", None),
        ("def", None),
        ("def()", None),
    ],
)
def test_a_head_says_name_arity_defaults_and_kind(
    code: str, expected: tuple[str, int, int, str] | None
) -> None:
    assert signature(code) == expected


def test_a_delegate_may_list_several_functions() -> None:
    found = functions("defdelegate [f(a), g(a, b)], to: X")
    assert [(function.name, function.arity) for function in found] == [("f", 1), ("g", 2)]


def test_clauses_keep_lines_bytes_and_guard_even_when_they_stand_apart() -> None:
    source = b"""defmodule M do
  def f(a \\\\ 1)
  def f(a) when is_list(a)
           when a == 1, do: [
    a
  ]
  def g, do: 1

  # not part of it
  def f(a) do
    a
  end # nor this
end"""
    f, g = extract(source).functions
    assert [(clause.start_line, clause.end_line) for clause in f.clauses] == [
        (2, 2), (3, 6), (10, 12),
    ]  # fmt: skip
    assert [clause.guard for clause in f.clauses] == [
        None, "is_list(a)\n           when a == 1", None,
    ]  # fmt: skip
    last = f.clauses[-1]
    assert source[last.start_byte : last.end_byte] == b"def f(a) do\n    a\n  end"
    assert (f.arity, f.defaults, g.name) == (1, 1, "g")


def test_a_parenthesised_body_belongs_to_its_clause() -> None:
    (f,) = functions("def f(a), do: (\n  a\n)")
    assert (f.clauses[0].start_line, f.clauses[0].end_line) == (2, 4)


def test_offsets_are_bytes() -> None:
    source = "defmodule M do\n# ä→😀\ndef f, do: :ü\nend".encode()
    (clause,) = extract(source).functions[0].clauses
    assert source[clause.start_byte : clause.end_byte].decode() == "def f, do: :ü"


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ('@doc "a\\tb"', ("string", "a\tb")),
        ('@doc """\n  a\n    b\n  """', ("string", "a\n  b\n")),
        ('@doc """\n  a\n b\n  """', ("string", "a\nb\n")),
        ('@doc ~S"""\n  a \\n #{b}\n  """', ("string", "a \\n #{b}\n")),
        ("@doc ~s(a \\x41 \\u00e9 \\u{1F600})", ("string", "a A é 😀")),
        ("@doc ~S|a|", ("string", "a")),
        ('@doc "a \\\n  b"', ("string", "a   b")),
        ('@doc "a #{b} c"', ("string", None)),
        ('@doc ""', ("string", "")),
        ('@doc("a")', ("string", "a")),
        ('@doc "a" <> "b"', ("string", None)),
        ("@doc @text", ("string", None)),
        ("@doc false", ("hidden", None)),
        ("@doc nil", (None, None)),
        ('@doc since: "1.0"', (None, None)),
        ('@doc [since: "1.0"]', (None, None)),
        ('@doc false\n@doc since: "1.0"', ("hidden", None)),
        ('@doc since: "1.0"\n@doc "a"\n@spec f :: 1', ("string", "a")),
        ('@doc "a"\n@doc "b"', ("string", "b")),
        ('@doc "a"\ndefp g, do: 1', (None, None)),
        ('@doc "a"\ndef unquote(g)(), do: 1', (None, None)),
        ('@doc "a"\ndefstruct [:a]', (None, None)),
        ('@doc "a"\n@callback g :: 1', (None, None)),
        ("# @doc false", (None, None)),
        ("doc = @doc", (None, None)),
    ],
)
def test_documentation_belongs_to_the_next_definition(
    attribute: str, expected: tuple[str | None, str | None]
) -> None:
    function = next(f for f in functions(f"{attribute}\ndef f, do: 1") if f.name == "f")
    assert (function.doc_kind, function.doc) == expected


def test_private_functions_have_no_documentation() -> None:
    assert functions('@doc "a"\ndefp f, do: 1')[0].doc_kind is None


def test_a_later_clause_without_documentation_keeps_the_earlier_one() -> None:
    (f,) = functions('@doc "a"\ndef f(1), do: 1\ndef f(2), do: 2')
    assert (f.doc, len(f.clauses)) == ("a", 2)


def test_specifications_belong_to_one_name_and_arity_wherever_they_stand() -> None:
    one, two = functions(
        "@spec f(a) :: b when a: integer, b: a\n@spec f(x :: atom) :: 1\ndef f(a), do: a\n"
        "def f(a, b \\\\ 1), do: a\n@spec f(a, b) :: c\n@spec unquote(n)(a) :: c"
    )
    assert one.specs == ("f(a) :: b when a: integer, b: a", "f(x :: atom) :: 1")
    assert two.specs == ("f(a, b) :: c",)


def test_operators_and_bare_names_have_specifications() -> None:
    plus, bare = functions("@spec a + b :: c\n@spec f :: c\ndef a + b, do: 1\ndef f, do: 1")
    assert (len(plus.specs), len(bare.specs)) == (1, 1)


def test_impl_is_a_flag_or_an_expanded_name_for_one_definition() -> None:
    f, g, h, i = functions(
        "alias A.B\n@impl true\ndef f, do: 1\n@impl B\ndef g, do: 1\n"
        "@impl false\ndef h, do: 1\ndef i, do: 1"
    )
    assert (f.impl, g.impl, h.impl, i.impl) == ("true", "A.B", "false", None)


def test_one_name_may_be_public_in_one_branch_and_private_in_the_other() -> None:
    found = functions("if x do\n def f, do: 1\nelse\n defp f, do: 2\nend")
    assert [(function.name, function.kind) for function in found] == [("f", "def"), ("f", "defp")]


def test_definitions_outside_of_any_module_are_not_listed() -> None:
    assert extract(b"def f, do: 1").functions == ()
