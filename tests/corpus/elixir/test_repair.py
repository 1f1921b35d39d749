import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.elixir import extract
from corpus.elixir.repair import with_stand_ins

FILE = """defmodule Shop do
  @doc "One."
  def one(x), do: x

  @doc "Two."
  def two(x) do
    if x do
      BAD
    end
  end

  @doc "Three."
  @spec three(a, b) :: c
  def three(x, y \\\\ 1) when x > 1 do
    {x, y}
  end

  defmodule Inner do
    def four, do: 4
  end
end

defmodule Other do
  def five, do: 5
end
"""


def names(source: str) -> list[str]:
    return [f"{f.module}.{f.name}/{f.arity}" for f in extract(source.encode()).functions]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def 半分(値), do: 値", ("半分", 1)),
        ("def 한국어(값 \\\\ 1), do: 값", ("한국어", 1)),
        ("def ひらがな カタカナ, 漢字 do\n 漢字\nend", ("ひらがな", 2)),
        ("def हिन्दी(क), do: क", ("हिन्दी", 1)),
        ("def ไทย?(ก), do: ก", ("ไทย?", 1)),
        ("def عربية(ب), do: ب", ("عربية", 1)),
        ("def µ(λ), do: λ", ("µ", 1)),
        ("def größe(x) when x > 半径, do: x", ("größe", 1)),
        ("def f(%{半 => 値} = 全部), do: 全部.半", ("f", 1)),
        ("def f(x), do: [?半, :半, 半: x, \"半\": &半/1, s: \"#{半} 半\", t: ~s(半)]", ("f", 1)),
        ("def aₓ²(x), do: x", ("aₓ²", 1)),
        ("def ∂(x), do: x", ("∂", 1)),
    ],
)  # fmt: skip
def test_names_of_every_script_are_read_as_they_are_written(
    source: str, expected: tuple[str, int]
) -> None:
    extraction = extract(f'defmodule M do\n@半 1\n@doc "半"\n{source}\nend'.encode())
    assert extraction.parse_errors == extraction.unread_bytes == 0
    (function,) = extraction.functions
    assert (function.name, function.arity, function.doc) == (*expected, "半")


def test_a_guard_and_a_specification_keep_their_letters_and_places() -> None:
    source = (
        'defmodule M do\n@spec 半(値) :: 値 when 値: 全\ndef 半(値) when 値 == "半", do: 値\nend'
    )
    (f,) = extract(source.encode()).functions
    assert f.specs == ("半(値) :: 値 when 値: 全",)
    (clause,) = f.clauses
    assert clause.guard == '値 == "半"'
    found = source.encode()[clause.start_byte : clause.end_byte].decode()
    assert found == 'def 半(値) when 値 == "半", do: 値'


@given(st.text())
def test_a_stand_in_is_as_long_as_what_it_stands_for_and_leaves_ascii_alone(text: str) -> None:
    source = text.encode("utf-8", "surrogatepass")
    plain = with_stand_ins(source)
    assert len(plain) == len(source)
    assert all(new == old or old >= 0x80 for new, old in zip(plain, source, strict=True))


@pytest.mark.parametrize(
    "bad",
    [
        *("expr[foo: 1]", "&1 [:foo]", "&..///2", "[x: 1] = y[x: 1]", "半[値: 1]"),
        *("(", "a = %{", "<<>", "foo(]", "→ a", "fn ->", "@@@ ) (", "a b ] c", "a.{", "?"),
    ],
)
def test_a_construct_that_cannot_be_read_costs_only_the_body_around_it(bad: str) -> None:
    source = FILE.replace("BAD", bad)
    extraction = extract(source.encode())
    assert names(source) == [
        "Shop.one/1", "Shop.two/1", "Shop.three/2", "Shop.Inner.four/0", "Other.five/0",
    ]  # fmt: skip
    one, two, three, *_ = extraction.functions
    assert (one.doc, two.doc, three.doc) == ("One.", "Two.", "Three.")
    assert (three.specs, three.defaults) == (("three(a, b) :: c",), 1)
    assert (two.clauses[0].start_line, two.clauses[0].end_line) == (6, 10)
    assert [(m.start_line, m.end_line) for m in extraction.modules] == [(1, 21), (18, 20), (23, 25)]
    assert extraction.parse_errors == 1
    assert 0 < extraction.unread_bytes < 50


@pytest.mark.parametrize(
    "bad", ["@spec two(x[y: 1] :: z", "@doc ]", "x = y[z: 1]", "def x[, do: 1"]
)
def test_a_form_that_cannot_be_read_costs_only_itself(bad: str) -> None:
    source = FILE.replace('@doc "Two."', bad).replace("BAD", "x")
    extraction = extract(source.encode())
    assert len(names(source)) == 5
    assert extraction.functions[2].doc == "Three."
    assert extraction.parse_errors == 1
    assert extraction.unread_bytes < 30


@pytest.mark.parametrize(
    "bad",
    [
        *('x = "abc', "x = 'abc", "don't", 'x = "a #{b', "x = ~s(abc", "x = ~r/abc", "x = ~S[a"),
        *('x = """\n      text', "x = '''\n      it's (text", 'x = ~S"""\n      text'),
    ],
)
def test_a_text_that_nobody_closes_costs_its_statement(bad: str) -> None:
    quoted = FILE.replace('"Three."', '"It\'s \\"three\\"."').replace(
        '"One."', '"""\n  One.\n  """'
    )
    source = f"{quoted}# don't\n".replace("BAD", bad)
    extraction = extract(source.encode())
    assert names(source) == [
        "Shop.one/1", "Shop.two/1", "Shop.three/2", "Shop.Inner.four/0", "Other.five/0",
    ]  # fmt: skip
    one, two, three, *_ = extraction.functions
    assert (one.doc, two.doc, three.doc) == ("One.\n", "Two.", 'It\'s "three".')
    assert extraction.parse_errors > 0
    assert 0 < extraction.unread_bytes < 60


def test_a_text_that_spans_code_is_read_where_its_end_is_found() -> None:
    source = FILE.replace("BAD", 'x = """\n  def no, do: 1\n  """\n').replace("one(x)", "one(x(")
    assert "Shop.no/0" not in names(source)


@pytest.mark.parametrize("before", ["    end\n    x", "x\n  end"])
def test_an_end_too_many_costs_no_module(before: str) -> None:
    source = FILE.replace("BAD", before)
    extraction = extract(source.encode())
    assert names(source) == [
        "Shop.one/1", "Shop.two/1", "Shop.three/2", "Shop.Inner.four/0", "Other.five/0",
    ]  # fmt: skip
    assert extraction.functions[2].doc == "Three."
    assert extraction.parse_errors > 0


def test_an_odd_number_of_triple_quotes_may_be_well_formed() -> None:
    source = 'defmodule A do\n  @doc "\\""" and so on"\n  def f, do: ~s(""")\nend\n'
    found = extract(source.replace('\\"""', '\\"\\"\\"').encode())
    assert (found.parse_errors, found.unread_bytes, len(found.functions)) == (0, 0, 1)


def test_a_sound_file_is_not_mended_for_a_heredoc_in_an_interpolation() -> None:
    quotes = '"' * 3
    source = f"""defmodule OddTest do
  test "an escaped end" do
    assert "foo" == {quotes}
           a \\{quotes} b
           {quotes}
  end

  test "a heredoc in a heredoc" do
    assert {quotes}
           #{{{quotes}
           {quotes}}}
           {quotes} == "1"
  end
end
"""
    found = extract(source.encode())
    assert (found.parse_errors, found.unread_bytes) == (0, 0)


def test_a_bad_body_of_one_line_leaves_its_head() -> None:
    source = FILE.replace("def one(x), do: x", "def one(x),\n    do: x[y: 1]")
    assert "Shop.one/1" in names(source.replace("BAD", "x"))


def test_a_block_in_a_module_is_divided_too() -> None:
    source = FILE.replace(
        "  def one(x), do: x",
        "  if A do\n    def one(x), do: x\n  else\n    x[y: 1]\n    def one(y), do: y\n  end",
    )
    found = extract(source.replace("BAD", "x").encode()).functions
    assert [(f.name, f.branch) for f in found][:3] == [
        ("one", "if A: do"), ("one", "if A: else"), ("two", None),
    ]  # fmt: skip


def test_code_in_documentation_is_no_form() -> None:
    documentation = '@doc """\n  Two (a\n\n  def nothing(, do: 1\n  """'
    source = FILE.replace('@doc "Two."', documentation).replace("BAD", "x[y: 1]")
    assert extract(source.encode()).functions[1].doc == "Two (a\n\ndef nothing(, do: 1\n"
    assert len(names(source)) == 5


def test_what_is_no_elixir_is_mostly_unread() -> None:
    prose = "## Title (one\n\nThis: is) a text, and not ] code.\n\n* so { it is }}\n" * 20
    extraction = extract(prose.encode())
    assert extraction.functions == ()
    assert extraction.unread_bytes > len(prose) // 3


@given(st.lists(st.sampled_from(
    ["def f do\n", "  x\n", "end\n", "(", "]", '"', "'''\n", '"""\n', "# a\n", "半", "?", "\r", " ",
     "defmodule A do\n", "else\n", ", do: 1\n", "~s(", "\\", "[a: 1]\n", "\n"]
), max_size=30))  # fmt: skip
def test_any_pieces_are_mended_or_counted(pieces: list[str]) -> None:
    source = "".join(pieces).encode()
    extraction = extract(source)
    assert 0 <= extraction.unread_bytes <= len(source)
    for function in extraction.functions:
        for clause in function.clauses:
            assert source[clause.start_byte : clause.end_byte].startswith(b"def")
