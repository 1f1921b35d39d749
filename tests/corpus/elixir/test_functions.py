import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tree_sitter import Node

from corpus.elixir import extract
from corpus.elixir.extract import _PLAIN_HEAD, Walk
from corpus.elixir.repair import read
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
        ("def f(a, (b \\\\ 1))", ("f", 2, 1, "def")),
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
        ("defmacro unquote(:f)(x) do\nquote do\ndef g, do: 1\nend\nend", ("f", 1, 0, "defmacro")),
        ('def unquote(:"foo bar")(x, y \\\\ 1), do: x', ("foo bar", 2, 1, "def")),
        ('defp unquote(:"say \\"hi\\"")() do\nend', ('say "hi"', 0, 0, "defp")),
        ("def unquote(:+)(a, b) when a > b, do: a", ("+", 2, 0, "def")),
        ("def unquote((:f))(a), do: a", ("f", 1, 0, "def")),
        ("defdelegate unquote(:f)(a), to: A", ("f", 1, 0, "defdelegate")),
        ('def unquote(:"f_#{x}")(a), do: a', None),
        ("def unquote(:f), do: 1", None),
        ("def other(:f)(a), do: a", None),
        ("def nai\u0308ve(x), do: x", ("na\u00efve", 1, 0, "def")),
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
        ('@doc ("a")', ("string", "a")),
        ("@doc (false)", ("hidden", None)),
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


def told(body: str) -> list[tuple[str, int, str, int, str | None]]:
    return [(f.name, f.arity, f.kind, len(f.clauses), f.branch) for f in functions(body)]


@pytest.mark.parametrize(
    ("body", "kind", "clauses"),
    [
        ("def f(1), do: 1\ndefdelegate f(a), to: X", "def", 2),
        ("defdelegate f(a), to: X\ndef f(1), do: 1", "defdelegate", 2),
        ("defp f(1), do: 1\ndef f(2), do: 2\ndefp f(3), do: 3", "def", 3),
        ("defmacrop f(1), do: 1\ndefmacro f(2), do: 2", "defmacro", 2),
        ("defguardp f(a) when a\ndefguard f(a) when a", "defguard", 2),
        ("defp f(a)\ndefp f(1), do: 1", "defp", 2),
        ("def f(a) when a, do: 1\nfor x <- y do\n def f(unquote(x)), do: x\nend", "def", 2),
    ],
)
def test_a_name_and_arity_is_one_function_whatever_defines_it(
    body: str, kind: str, clauses: int
) -> None:
    assert told(body) == [("f", 1, kind, clauses, None)]


def test_a_function_of_two_ways_keeps_the_documentation_of_its_first_clause() -> None:
    (leap,) = functions('@doc "Leaps."\n@spec f(a) :: b\ndef f(1), do: 1\ndefdelegate f(a), to: X')
    assert (leap.doc, leap.specs) == ("Leaps.", ("f(a) :: b",))


@pytest.mark.parametrize(
    ("body", "branches"),
    [
        ("if a do\n def f, do: 1\nelse\n def f, do: 2\nend", ["if a: do", "if a: else"]),
        ("if a, do: def(f, do: 1), else: def(f, do: 2)", ["if a: do", "if a: else"]),
        ("if(a, do: (def f, do: 1))", ["if a: do"]),
        ("unless a do\n def f, do: 1\nend", ["unless a: do"]),
        (
            'case System.get_env("A") do\n "x" -> def f, do: 1\n _ -> def f, do: 2\nend',
            ['case System.get_env("A"): "x" ->', 'case System.get_env("A"): _ ->'],
        ),
        ("case a do\n x when x > 1 ->\n  def f, do: 1\nend", ["case a: x when x > 1 ->"]),
        ("cond do\n a  >\n b -> def f, do: 1\nend", ["cond: a > b ->"]),
        (
            "with x <- a,\n b do\n def f, do: 1\nelse\n _ -> def f, do: 2\nend",
            ["with x <- a, b: do", "with x <- a, b: else _ ->"],
        ),
        ("try do\n def f, do: 1\nrescue\n _ -> nil\nend", ["try: do"]),
        (
            "unless_loaded A do\n def f, do: 1\nelse\n def f, do: 2\nend",
            ["unless_loaded A: do", "unless_loaded A: else"],
        ),
        ("if a do\n if b do\n  def f, do: 1\n end\nend", ["if a: do / if b: do"]),
        ("for a <- b do\n def f, do: 1\nend", [None]),
        ("some_macro A do\n def f, do: 1\nend", [None]),
        ("def f, do: (if a, do: b, else: c)", [None]),
        (f"if {'a' * 500} do\n def f, do: 1\nend", [f"if {'a' * 116}…"]),
    ],
)
def test_a_definition_names_the_conditional_code_around_it(
    body: str, branches: list[str | None]
) -> None:
    assert [function.branch for function in functions(body)] == branches


def test_clauses_of_one_branch_belong_together_and_those_of_two_do_not() -> None:
    body = "if a do\n def f(1), do: 1\n def f(2), do: 2\nelse\n def f(_), do: 3\nend"
    assert told(body) == [("f", 1, "def", 2, "if a: do"), ("f", 1, "def", 1, "if a: else")]


def test_the_same_condition_again_goes_on_with_the_same_alternative() -> None:
    body = "if a do\n def f(1), do: 1\nend\ndef g, do: 1\nif  a do\n def f(2), do: 2\nend"
    assert told(body) == [("f", 1, "def", 2, "if a: do"), ("g", 0, "def", 1, None)]


def test_each_branch_takes_what_was_pending_before_it() -> None:
    one, two, after = functions(
        '@doc "a"\n@impl true\nif x do\n def f, do: 1\nelse\n def f, do: 2\nend\ndef g, do: 3'
    )
    assert (one.doc, two.doc, after.doc) == ("a", "a", None)
    assert (one.impl, two.impl, after.impl) == ("true", "true", None)


def test_what_no_branch_takes_is_left_for_the_next_definition() -> None:
    (f,) = functions('@doc "a"\nif x do\n IO.puts("@doc")\nend\ndef f, do: 1')
    (g,) = functions('if x do\n @doc "b"\nelse\n @doc "c"\nend\ndef g, do: 1')
    assert (f.doc, g.doc) == ("a", "b")


def test_documentation_and_specification_of_one_alternative_are_not_those_of_the_other() -> None:
    one, two = functions(
        '@spec f :: a\nif x do\n @doc "a"\n @spec f :: b\n def f, do: 1\nelse\n def f, do: 2\nend'
    )
    assert (one.doc, one.specs) == ("a", ("f :: a", "f :: b"))
    assert (two.doc, two.specs) == (None, ("f :: a",))


def test_what_a_later_definition_overrides_is_put_aside() -> None:
    body = "def f(1), do: 1\ndefoverridable f: 1, g: 0\ndef f(a), do: super(a)\ndef f(b), do: b"
    assert told(body) == [("f", 1, "def", 1, "defoverridable"), ("f", 1, "def", 2, None)]
    assert told("def f, do: 1\ndefoverridable [f: 0]") == [("f", 0, "def", 1, None)]


def test_modules_of_one_name_in_two_branches_keep_their_functions_apart() -> None:
    source = (
        b"if a do\ndefmodule M do\ndef f, do: 1\nend\nelse\ndefmodule M do\ndef f, do: 2\nend\nend"
    )
    found = extract(source)
    assert [module.name for module in found.modules] == ["M", "M"]
    assert [(f.module, f.branch) for f in found.functions] == [
        ("M", "if a: do"), ("M", "if a: else"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "blank", ["# text @doc false\n", " # é\n  # b\n", " ", "\t", "\n", "\r\n", " \\\n ", "\x0c"]
)
def test_blanks_may_stand_behind_the_at_sign(blank: str) -> None:
    body = '@doc "a"\n@spec f :: b\n@impl X\n@behaviour Y\ndef f, do: 1'
    (f,) = functions(body.replace("@", f"@{blank}"))
    assert (f.doc, f.specs, f.impl) == ("a", ("f :: b",), "X")


def test_a_documentation_that_is_no_string_has_no_text() -> None:
    assert functions('@doc ~c"a"\ndef f, do: 1')[0].doc is None
    assert functions("@doc ~w(a)\ndef f, do: 1")[0].doc is None


HEAD_PARTS = st.sampled_from(
    ["f", "g?", "unquote", "nil", "not", "do", "(", ")", "(", ")", "f(", ")", ",", "=", "==", "a",
     "b_1", "1.5", "A.B", ":a", "[a]", "{a, b}", "(a, b)", "%{a: 1}", "%A{}", "<<", ">>", "fn",
     "->", "when", "when", "is_f(a, b)", "\\\\", "<-", "|", "-", "&", "...", '"', "#", "é", "end",
     ", do: a", ", ", "a: 1", "in"]
)  # fmt: skip
BLANKS = st.sampled_from(["", " ", " ", " ", "  ", "\n"])


@given(
    st.lists(st.tuples(HEAD_PARTS, BLANKS), max_size=12), st.sampled_from([" do\nend", ", do: 1"])
)
def test_a_head_says_the_same_whether_or_not_the_tree_is_asked(
    parts: list[tuple[str, str]], end: str
) -> None:
    head = "".join(part + blank for part, blank in parts)
    source = f"defmodule M do\n  def {head}{end}\n  def g, do: 1\nend\n".encode()
    reading = read(source)
    if not reading.parse_errors:
        assert walked(source, reading.root, is_sound=True) == walked(
            source, reading.root, is_sound=False
        )


def walked(source: bytes, root: Node, *, is_sound: bool) -> object:
    walk = Walk(source, is_sound=is_sound)
    walk.run(root)
    return walk.finish()


@pytest.mark.parametrize(
    "filler",
    [
        "a, ",
        "a = ",
        " ",
        "b(",
        "when a ",
        "a when ",
        "def f(a, ",
        "a.a",
        "{a, ",
        "[a], ",
        "(a, b) ",
    ],
)
def test_heads_that_never_end_take_time_that_grows_with_their_length(filler: str) -> None:
    start = time.process_time()
    match = _PLAIN_HEAD.match(b"def f(a) when a" + filler.encode() * 50_000 + b"\x00")
    assert match is None
    assert _PLAIN_HEAD.match(b"def f(" + filler.encode() * 50_000 + b"\x00") is None
    assert time.process_time() - start < 0.5
