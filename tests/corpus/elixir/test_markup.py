"""Templates and sigils: components, assigns, expressions, and what cannot be read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.elixir import extract
from corpus.elixir.markup import read_eex, read_heex
from corpus.extraction import Component, Fragment
from corpus.parsing import Unparsable

PAGE = b"""\
<.button class="a" phx-click={JS.push("x")} {@rest}>
  <:col :let={u} label="Id">{u.id}</:col>
  <%= if @show do %>
    <Shop.Cart.row name={@name} />
  <% else %>
    <p>{gettext("hi %{x}, @not", x: @y)}</p>
  <% end %>
  <%!-- <.hidden of={@hidden} /> --%>
</.button>
"""


def test_a_template_calls_components_and_slots_in_order() -> None:
    assert read_heex(PAGE).components == (
        Component("button", "local", None, 1),
        Component("col", "slot", None, 2),
        Component("Shop.Cart.row", "remote", None, 4),
    )


def test_assigns_are_those_of_code_and_not_those_of_texts_and_comments() -> None:
    assert read_heex(PAGE).assigns == ("name", "rest", "show", "y")


def test_expressions_of_tags_are_read_as_the_one_program_that_they_are() -> None:
    found = read_heex(PAGE)
    assert (found.expressions, found.expressions_parsed) == (9, 9)
    assert found.is_parsed


@pytest.mark.parametrize(
    "template",
    [
        b"<%= for a <- @list do %><% end %>",
        b"<%= f @form, fn a -> %>b<% end %>",
        b"<%= f @form, fn a -> %> <% end %>",
        b"<%= case @a do %>\n <% 1 -> %>one<% _ -> %><% end %>",
        b"<%= if a do %>b<% else %>c<% end %>",
        b"<%= try do %>b<% rescue %><% _ -> %>c<% end %>",
    ],
)
def test_blocks_of_both_kinds_of_templates_are_whole(template: bytes) -> None:
    for read in (read_heex, read_eex):
        found = read(template)
        assert (found.is_parsed, found.expressions) == (True, template.count(b"%>"))


@pytest.mark.parametrize(
    ("template", "expressions", "parsed"),
    [
        (b"<p>{1 +}</p>", 1, 0),
        (b"<p>{1}</p><p>{)}</p>", 2, 1),
        (b"<%= if a do %>b", 1, 0),
        (b"<p>{@a}</p><b", 1, 1),
    ],
)
def test_what_cannot_be_read_is_counted(template: bytes, expressions: int, parsed: int) -> None:
    found = read_heex(template)
    assert (found.expressions, found.expressions_parsed) == (expressions, parsed)
    assert not found.is_parsed


def test_braces_of_scripts_and_styles_are_text_but_their_tags_are_code() -> None:
    found = read_heex(b"<script>f({a: 1 < 2, b: <%= @c %>})</script><style>a{b:c}</style>{@d}")
    assert (found.expressions, found.assigns, found.is_parsed) == (2, ("c", "d"), True)


def test_special_attributes_of_newer_versions_are_attributes() -> None:
    found = read_heex(b"<li :for={a <- @b} :key={a.id}>x</li><script :type={@c}>y</script>")
    assert (found.expressions, found.assigns, found.is_parsed) == (3, ("b", "c"), True)


@pytest.mark.parametrize(
    ("template", "assigns", "is_parsed"),
    [
        (b"<%# @a %><%= @b %>", ("b",), True),
        (b"<%% @a %><%= @b %>", ("b",), True),
        (b"<%!-- %> @a <%= @a %> --%><%= @b? %>", ("b?",), True),
        (b"<%= @a %><%= @b", ("a",), False),
        (b"<a {@b} /> <.c />", (), True),
    ],
)
def test_eex_is_divided_as_by_its_tokenizer(
    template: bytes, assigns: tuple[str, ...], is_parsed: bool
) -> None:
    found = read_eex(template)
    assert (found.assigns, found.is_parsed, found.components) == (assigns, is_parsed, ())


MODULE = b'''\
defmodule Shop.Page do
  alias Shop.Cart
  import Shop.Icons, only: [icon: 1, two: 2]
  import Shop.More

  @doc "~H[<.in_a_text />]"
  def page(assigns) do
    # ~H"<.in_a_comment />"
    ~H"""
    <.price /><Cart.row /><.icon /><.two /><.more />
    """
  end

  defp price(assigns), do: ~H[<b>{@total}</b>]
end

~H"<.price />"
'''


def test_sigils_are_those_of_their_function_with_the_modules_that_the_file_tells() -> None:
    first, second, third = extract(MODULE).fragments
    assert first == Fragment(
        kind="sigil",
        language="heex",
        module="Shop.Page",
        function="page/1",
        start_line=9,
        end_line=11,
        start_byte=MODULE.index(b'~H"""'),
        end_byte=MODULE.index(b'"""\n  end') + 3,
        is_parsed=True,
        components=(
            Component("price", "local", "Shop.Page", 10),
            Component("Cart.row", "remote", "Shop.Cart", 10),
            Component("icon", "local", "Shop.Icons", 10),
            Component("two", "local", None, 10),
            Component("more", "local", None, 10),
        ),
    )
    assert (second.function, second.assigns, second.expressions) == ("price/1", ("total",), 1)
    assert (third.module, third.function) == (None, None)
    assert third.components == (Component("price", "local", None, 17),)


def test_a_sigil_that_is_not_markup_leaves_the_module_as_it_was() -> None:
    source = b'defmodule A do\n  def a(b), do: ~H"<p>{b</p>"\n  def c, do: 1\nend\n'
    found = extract(source)
    assert (found.parse_errors, [f.name for f in found.functions]) == (0, ["a", "c"])
    assert [each.is_parsed for each in found.fragments] == [False]


PIECES = st.lists(
    st.sampled_from(
        [
            *("<%= ", "<% ", "<%!-- ", "<%# ", "<%%", " %>", " --%>", "{", "}", "<.a ", "<:b>"),
            *("</:b>", "/>", ">", "<", "@a", "if b do", "end", "->", "else", '"', "'", "\n", "é"),
            *("<script>", "</script>", "<style ", " :key={", "fn", "(", ")", "~H", "#", "\0", " "),
        ]
    ),
    max_size=40,
).map("".join)


@settings(max_examples=60)
@given(PIECES)
def test_any_text_is_a_template_or_cannot_be_finished(text: str) -> None:
    raw = text.encode()
    for read in (read_heex, read_eex):
        try:
            found = read(raw)
        except Unparsable:
            continue
        assert 0 <= found.expressions_parsed <= found.expressions
        lines = raw.count(b"\n") + 1
        assert all(each.name and 1 <= each.line <= lines for each in found.components)
        assert all(b"@%b" % each.encode() in raw for each in found.assigns)


@settings(max_examples=60)
@given(PIECES, st.sampled_from(['~H"%s"', '~H"""\n%s\n"""', "~H[%s]", "def f(a), do: ~H|%s|"]))
def test_any_sigil_is_within_its_file(text: str, sigil: str) -> None:
    raw = ("defmodule A do\n" + sigil.replace("%s", text) + "\nend\n").encode()
    for each in extract(raw).fragments:
        assert raw.startswith(b"~H", each.start_byte)
        assert each.start_byte < each.end_byte <= len(raw)
        assert each.start_line == raw.count(b"\n", 0, each.start_byte) + 1
        assert each.end_line == raw.count(b"\n", 0, each.end_byte) + 1
