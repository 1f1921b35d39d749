"""Behaviours and uses of small packages, followed through their macros."""

import pytest

from corpus import elixir
from corpus.behaviours.reach import Macros, Reached, Shelf
from corpus.behaviours.resolution import Resolved, resolve


def resolved(module: str, **packages: str) -> Resolved:
    """Resolve a module of the package `shop`, which requires the others."""
    found = {name: elixir.extract(text.encode()).modules for name, text in packages.items()}
    macros = [
        Macros(package, package, "1.0.0", each.name, each.macros)
        for package, modules in found.items()
        for each in modules
        if each.macros
    ]
    near = {"shop": [Reached(name, 1.0) for name in packages if name != "shop"]}
    (told,) = [each for each in found["shop"] if each.name == module]
    own = [(each.name, each.evidence) for each in told.behaviours]
    return resolve(module, "shop", own, told.used, Shelf(macros, near))


def behaviours(told: Resolved) -> list[tuple[str, str, str | None]]:
    """Return name, evidence and the module that was used."""
    return [(each.name, each.evidence.value, each.through) for each in told.behaviours.values()]


WEB = """
defmodule ShopWeb do
  def live_view do
    quote do
      use Live, layout: {ShopWeb.Layouts, :app}
      unquote(helpers())
    end
  end

  def html do
    quote do
      use Html
      unquote(helpers())
    end
  end

  defp helpers do
    quote do
      import ShopWeb.Components
    end
  end

  defmacro __using__(which) when is_atom(which) do
    apply(__MODULE__, which, [])
  end
end
"""
LIVE = """
defmodule Live do
  defmacro __using__(opts) do
    quote bind_quoted: [opts: opts] do
      @behaviour Live
      @before_compile Live.Renderer
      use Html, Keyword.take(opts, [:global])
    end
  end
end
defmodule Live.Renderer do
  defmacro __before_compile__(env) do
    quote do
      @behaviour Live.Rendered
      def render(assigns), do: assigns
    end
  end
end
defmodule Html do
  defmacro __using__(_), do: quote(do: import Html)
end
"""


def test_a_kind_of_phoenix_is_followed_through_two_packages() -> None:
    home = WEB + "defmodule ShopWeb.Home do\n  use ShopWeb, :live_view\nend"
    told = resolved("ShopWeb.Home", shop=home, live=LIVE)
    assert behaviours(told) == [
        ("Live", "cross_package", "ShopWeb"),
        ("Live.Rendered", "cross_package", "ShopWeb"),
    ]
    assert [(use.name, use.evidence.value, use.leaves_behaviour) for use in told.uses.values()] == [
        ("ShopWeb", "direct", True),
        ("Live", "transitive", True),
        ("Html", "cross_package", False),
    ]


def test_another_kind_sets_nothing() -> None:
    page = WEB + "defmodule ShopWeb.Page do\n  use ShopWeb, :html\nend"
    told = resolved("ShopWeb.Page", shop=page, live=LIVE)
    assert behaviours(told) == []
    assert list(told.uses) == ["ShopWeb", "Html"]


def test_elixirs_own_modules_are_known_by_a_table() -> None:
    told = resolved("Shop.Cart", shop="defmodule Shop.Cart do\n  use GenServer\n  use Agent\nend")
    assert behaviours(told) == [("GenServer", "table", "GenServer")]
    assert [(use.name, use.leaves_behaviour) for use in told.uses.values()] == [
        ("GenServer", True),
        ("Agent", False),
    ]


def test_the_file_itself_is_the_best_evidence() -> None:
    source = """
    defmodule Shop.Cart do
      use Shop.Server
      @behaviour GenServer
      defexception [:message]
      @impl Shop.Store
      def buy(item), do: item
    end
    defmodule Shop.Server do
      defmacro __using__(_opts) do
        quote do
          @behaviour GenServer
          @behaviour unquote(__MODULE__)
        end
      end
    end
    """
    assert behaviours(resolved("Shop.Cart", shop=source)) == [
        ("GenServer", "direct", None),
        ("Exception", "structural", None),
        ("Shop.Server", "transitive", "Shop.Server"),
        ("Shop.Store", "shape", None),
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", ["Fast"]),
        (", mode: :slow", ["Slow"]),
        (", mode: :fast", ["Fast"]),
        (", adapter: Shop.Memory", ["Shop.Memory", "Fast"]),
        (", mode: choose()", ["Slow", "Fast"]),
    ],
)
def test_options_decide(given: str, expected: list[str]) -> None:
    source = f"""
    defmodule Shop.Store do
      defmacro __using__(opts \\\\ []) do
        adapter = opts[:adapter]
        prelude = if adapter do
          quote do
            @behaviour unquote(adapter)
          end
        end
        [prelude, opts |> Keyword.get(:mode, :fast) |> mode()]
      end

      defp mode(:slow), do: quote(do: @behaviour(Slow))
      defp mode(_), do: quote(do: @behaviour(Fast))
    end
    defmodule Shop.Cart do
      use Shop.Store{given}
    end
    """
    assert list(resolved("Shop.Cart", shop=source).behaviours) == expected


def test_what_may_be_is_less_certain() -> None:
    source = """
    defmodule Shop.Store do
      defmacro __using__(opts) do
        quote do
          if System.get_env("FAST") do
            @behaviour Fast
          end
        end
      end
    end
    defmodule Shop.Cart do
      use Shop.Store
    end
    """
    (found,) = resolved("Shop.Cart", shop=source).behaviours.values()
    assert (found.name, found.confidence) == ("Fast", 0.9)


def test_macros_that_a_quote_calls_are_followed() -> None:
    source = """
    defmodule Shop.Store do
      defmacro __using__(_) do
        quote do
          require Shop.Table
          import unquote(__MODULE__)
          Shop.Table.define(:items)
          stored()
        end
      end
      defmacro stored, do: quote(do: @behaviour(Shop.Stored))
    end
    defmodule Shop.Table do
      defmacro define(_name), do: quote(do: @behaviour(unquote(__MODULE__).Schema))
    end
    defmodule Shop.Cart do
      use Shop.Store
    end
    """
    assert list(resolved("Shop.Cart", shop=source).behaviours) == [
        "Shop.Table.Schema",
        "Shop.Stored",
    ]


def test_a_case_template_is_used_like_a_module() -> None:
    source = """
    defmodule Shop.Case do
      use ExUnit.CaseTemplate

      using opts do
        quote do
          use Shop.Server, unquote(opts)
        end
      end
    end
    defmodule Shop.CartTest do
      use Shop.Case, async: true
    end
    """
    told = resolved("Shop.CartTest", shop=source)
    assert [(use.name, use.unresolved) for use in told.uses.values()] == [
        ("Shop.Case", None),
        ("Shop.Server", "absent"),
    ]


def test_a_quote_that_is_not_returned_does_nothing() -> None:
    source = """
    defmodule Shop.Store do
      defmacro __using__(_) do
        IO.inspect(quote(do: @behaviour(Printed)))
        quote(do: @behaviour(Returned))
      end
    end
    defmodule Shop.Cart do
      use Shop.Store
    end
    """
    assert list(resolved("Shop.Cart", shop=source).behaviours) == ["Returned"]


def test_cycles_end() -> None:
    source = """
    defmodule A do
      defmacro __using__(_) do
        quote do
          @behaviour A
          use B
        end
      end
    end
    defmodule B do
      defmacro __using__(_), do: quote(do: use(A))
    end
    defmodule C do
      use A
    end
    """
    told = resolved("C", shop=source)
    assert list(told.behaviours) == ["A"]
    assert {use.name: use.unresolved for use in told.uses.values()} == {"A": "cycle", "B": None}


def test_a_macro_that_uses_itself_with_more_and_more_ends() -> None:
    source = """
    defmodule A do
      defmacro __using__(opts) do
        quote do
          use A, [more: unquote(grow(opts))]
        end
      end
      defp grow(opts), do: [more: grow(opts)]
    end
    defmodule C do
      use A
    end
    """
    assert resolved("C", shop=source).uses["A"].unresolved == "cycle"


def test_a_macro_over_its_budget_is_told_and_the_next_use_followed() -> None:
    doubling = "".join(f"defp f{n}(x), do: [f{n + 1}(x), f{n + 1}(x)]\n" for n in range(20))
    source = f"""
    defmodule A do
      defmacro __using__(_) do
        quote do
          unquote(f0(1))
          @behaviour A
        end
      end
      {doubling}
    end
    defmodule C do
      use A
      use GenServer
    end
    """
    told = resolved("C", shop=source)
    assert told.uses["A"].unresolved == "too_long"
    assert list(told.behaviours) == ["GenServer"]


def test_a_deep_expression_is_unknown() -> None:
    deep = "[" * 150 + "quote(do: @behaviour(Deep))" + "]" * 150
    source = f"""
    defmodule A do
      defmacro __using__(_), do: {deep}
    end
    defmodule C do
      use A
    end
    """
    assert list(resolved("C", shop=source).behaviours) == []


def test_a_requirement_that_is_absent_is_told() -> None:
    told = resolved("C", shop="defmodule C do\n  use Other.Thing\nend")
    (use,) = told.uses.values()
    assert (use.name, use.evidence.value, use.unresolved) == ("Other.Thing", "direct", "absent")


def test_macros_that_call_each_other_end() -> None:
    source = """
    defmodule A do
      defmacro __using__(_) do
        quote do
          A.one()
          @behaviour Used
          @before_compile A
        end
      end

      defmacro one do
        quote do
          @behaviour One
          two()
        end
      end

      defmacro two do
        quote do
          @behaviour Two
          A.one()
        end
      end

      defmacro __before_compile__(_), do: quote(do: @before_compile(A))
    end
    defmodule C do
      use A
    end
    """
    told = resolved("C", shop=source)
    assert sorted(told.behaviours) == ["One", "Two", "Used"]
    assert told.uses["A"].unresolved is None


def test_a_long_chain_of_macros_is_given_up() -> None:
    chain = "".join(
        f"defmacro m{n}, do: quote(do: [@behaviour(B{n}), m{n + 1}()])\n" for n in range(2000)
    )
    source = f"""
    defmodule A do
      defmacro __using__(_), do: quote(do: m0())
      {chain}
    end
    defmodule C do
      use A
      use GenServer
    end
    """
    told = resolved("C", shop=source)
    assert (told.uses["A"].unresolved, told.uses["A"].leaves_behaviour) == ("too_long", True)
    assert {"B0", "B9", "GenServer"} <= told.behaviours.keys()


DOUBLED = "\n".join(f"v{n + 1} = [v{n}, v{n}]" for n in range(64))


@pytest.mark.parametrize(
    "body",
    [
        f"v0 = X\n{DOUBLED}\nquote(do: @behaviour(unquote(v64)))",
        f"v0 = X\n{DOUBLED}\nquote(do: use(unquote(v64)))",
        f"v0 = quote(do: @behaviour(X))\n{DOUBLED}\nv64",
        f"v0 = [key: X]\n{DOUBLED}\nquote(do: @behaviour(unquote(v64[:key])))",
        f"v0 = X\n{DOUBLED}\nquote(do: use(Y, unquote(v64)))",
    ],
)
def test_lists_that_double_are_given_up(body: str) -> None:
    source = f"""
    defmodule A do
      defmacro __using__(_) do
        {body}
      end
    end
    defmodule C do
      use A
      use GenServer
    end
    """
    told = resolved("C", shop=source)
    assert {"GenServer"} <= told.behaviours.keys() <= {"GenServer", "X"}
    assert told.steps <= 20_000


def test_one_of_several_clauses_is_less_certain_than_the_only_one() -> None:
    source = """
    defmodule A do
      defmacro __using__(opts) when is_list(opts), do: quote(do: @behaviour(Listed))
      defmacro __using__(_), do: quote(do: @behaviour(Other))
    end
    defmodule B do
      defmacro __using__(_), do: [quote(do: @behaviour(One))] ++ [quote(do: @behaviour(Two))]
    end
    defmodule C do
      use A, given
      use B
    end
    """
    found = resolved("C", shop=source).behaviours.values()
    assert {each.name: each.confidence for each in found} == {
        "Listed": 0.9,
        "Other": 0.9,
        "One": 1.0,
        "Two": 1.0,
    }


def test_what_the_file_uses_too_is_direct_and_as_certain_as_that() -> None:
    source = """
    defmodule Maybe do
      defmacro __using__(_) do
        quote do
          if System.get_env("SERVE") do
            use Dep
          end
        end
      end
    end
    defmodule Loop do
      defmacro __using__(_), do: quote(do: use(Round))
    end
    defmodule Round do
      defmacro __using__(_), do: quote(do: use(Loop))
    end
    defmodule C do
      use Maybe
      use Dep
      use Loop
      use Round
    end
    """
    dep = "defmodule Dep do\n  defmacro __using__(_), do: quote(do: @behaviour(Dep))\nend"
    told = resolved("C", shop=source, dep=dep)
    assert told.behaviours["Dep"].confidence == 1.0
    assert {each.name: (each.evidence.value, each.unresolved) for each in told.uses.values()} == {
        "Maybe": ("direct", None),
        "Dep": ("direct", None),
        "Loop": ("direct", "cycle"),
        "Round": ("direct", None),
    }
