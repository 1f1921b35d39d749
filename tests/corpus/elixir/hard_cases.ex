alias Outer.Shapes
alias Outer.{Paint, Tools.Brush}
alias :gen_event, as: Events
require Logger, as: L

defmodule Shapes.Circle do
  # The alias counts at the top of a file, so this is Outer.Shapes.Circle.
  use Paint, colour: :red
  use Brush.{Thin, Thick}
  use L
  use GenServer
  use Agent
  use unquote(dynamic)
  @behaviour Events
  @behaviour __MODULE__.Callbacks
  @moduledoc since: "1.0"
  @moduledoc """
  Circles,\tround.

    * indented #{:x}
  """

  defmodule Callbacks.Deep do
    @moduledoc false
    def here, do: __MODULE__
  end

  defmodule Shapes do
    # Inside a module the alias does not count.
    use Callbacks.Deep
  end

  use Shapes

  @doc "adds"
  @doc since: "1.1"
  @spec left + right :: number when left: number, right: number
  def left + right when is_number(left) when is_number(right), do: {left, right}
  def -value, do: value
  def !value, do: value
  def not value, do: value
  def left not in right, do: {left, right}
  def left <> right, do: {left, right}
  def first..last//step, do: {first, last, step}
  def (..), do: :all
  def (wrapped(a) when a > 1), do: a

  @doc ~S"""
  Raw \n text.
  """
  def unquote(name)(x), do: x

  def after_dynamic, do: :the_doc_was_taken

  def unquote(:"literal name")(x), do: x
  def spliced(unquote_splicing(args)), do: args
  def unquote(head), do: 1

  @doc "One \"quoted\" line"
  @doc deprecated: "no"
  @impl true
  def handle(a, b \\ %{key: "\\\\"}, c \\ nil)
  @impl GenServer
  def handle(a, # the first
             b,
             c) when a == b
                when b == c do
    defmodule InFunction do
      def run, do: :ok
      use Paint
    end

    use Brush.Thin
    {a, b, c}
  end

  def handle(_, _, _),
    do: """
    text
    """

  defp private(a), do: a
  @doc "discarded"
  defp private(b, c), do: [b, c]
  def after_private, do: 1

  @doc false
  defmacro macro(do: block) do
    quote do
      @doc "not this"
      def inside_quote, do: unquote(block)
      defmodule InsideQuote, do: def(x, do: 1)
      use Paint
    end
  end

  defmacrop hidden_macro, do: nil
  defguard is_small(x) when x < 10
  defguardp is_tiny(x) when x < 2
  defdelegate size(x), to: Map
  defdelegate [first(x), last(x, y \\ 1)], to: List, as: :first
  def no_parens a, b do
    a + b
  end
  def(parens(a), do: a)
  def options(a, b: b, c: c), do: {a, b, c}
  def keyword(a), do: [
    a: a
  ]
  def sigil, do: ~w"""
  one
  two
  """
  def string, do: "one
  two #{
    :three
  } four
  "
  def charlist, do: '''
  one
  '''
  def pipe(a),
    do:
      a
      |> Kernel.+(1)
      # a comment
      |> Kernel.-(1)
  def stab(a), do: Enum.map(a, fn
    b -> b
  end)

  if Code.ensure_loaded?(Nothing) do
    alias Outer.Scoped
    use Scoped
    def conditional, do: 1
    defmodule Conditional do
    end
  else
    use Scoped
    defp conditional, do: 2
  end

  for kind <- [:a, :b] do
    def unquote(kind)(), do: 1
    def generated(unquote(kind)), do: 1
  end

  Enum.each([1], fn n ->
    alias Outer.InLiteral
    use InLiteral
    def literal(unquote(n)), do: n
  end)

  test "a block of an unknown macro", %{conn: conn} do
    defmodule InTest do
      defstruct [:a]
      def a(%InTest{a: a}), do: a
    end

    assert {:module, name, _, _} = defmodule InMatch, do: def(x(y), do: y)
  end

  quote do: def(quoted, do: 1)

  @doc "lost to the struct"
  defstruct [:radius]
  def after_struct, do: 1

  @doc "for the callback"
  @callback area(t) :: number
  @macrocallback build(t) :: Macro.t()
  @optional_callbacks area: 1
  def after_callback, do: 1

  @type t :: %__MODULE__{}
  @typedoc "Pairs"
  @opaque pair(a, b) :: {a, b}
  @spec specified(integer) :: integer
  @spec specified(float) :: float
  @spec specified() :: nil
  def specified(x), do: x
  @spec unquote(name)(x) :: x
  @doc File.read!("README.md")
  def computed_doc, do: 1
  @doc "one" <> "two"
  def joined_doc, do: 1
  @doc nil
  def nil_doc, do: 1
  @doc "line one \
  line two \x41 \u00e9 \u{1F600} \s|\0"
  def escaped_doc, do: 1
end

defmodule Elixir.Outer.Absolute do
  defmodule Elixir.Free, do: nil
  defmodule :erlang_name, do: def(a, do: 1)
  defmodule :"quoted name", do: def(a, do: 1)
  defmodule :"Elixir.Outer.FromAtom", do: def(a, do: 1)
  defmodule __MODULE__.Below, do: def(a, do: 1)
  defmodule Module.concat(A, B), do: def(a, do: 1)
  defmodule name, do: def(a, do: 1)
end

defprotocol Outer.Drawable do
  @moduledoc "Draw."
  @fallback_to_any true
  @doc "Draws."
  @spec draw(t, keyword) :: :ok
  def draw(thing, options \\ [])

  defimpl Outer.Drawable, for: Any do
    def draw(_, _), do: :ok
  end
end

defimpl Outer.Drawable, for: [Shapes.Circle, Integer, :atom] do
  def draw(_, _), do: helper()
  defp helper, do: :ok
  defmodule Nested, do: def(a, do: 1)
end

defmodule Outer.Square do
  defimpl Outer.Drawable do
    def draw(_, _), do: :ok
  end

  defimpl Outer.Drawable, for: __MODULE__.Inner, do: def(draw(_, _), do: :ok)
  defimpl Outer.Drawable, for: @types, do: def(draw(_, _), do: :ok)

  defexception [:message]
  def exception(term), do: term

  @impl Outer.Drawable
  @impl true
  def last_impl_stands, do: 1
end

defmodule Named.Like.Macros do
  @use GenServer
  @alias Foo.Bar
  @def foo(1)
  @doc "Keeps its documentation."
  @defstruct [1]
  @spec (bracketed(a) :: a) when a: Bar.t()
  def bracketed(a), do: {a, @use, Bar}
end

def outside_of_any_module, do: 1

defmodule :"Elixir.Straße.Karte" do
  @ moduledoc "Named by an atom."
  alias :"Elixir.Straße.Plan", as: :"Elixir.P"

  @	doc "With a tab after the at sign."
  @ spec weg(integer) :: integer
  def weg(x), do: x

  @
  doc "On a line of its own."
  @\
  impl P
  def plan, do: 1

  @behaviour :"Elixir.Plug"
  @behaviour :"Elixir.Stra\u00DFe.Plan"
  @behaviour :"Elixir.klein"
  @behaviour :größe
  @doc ~c"No string."
  def charlist, do: 1
end

defmodule Alternatives do
  @doc "Taken by whichever comes first."
  @impl true
  if Code.ensure_loaded?(JSON) do
    def encode(term), do: term
    def after_it, do: 1
  else
    @spec encode(term) :: binary
    def encode(term), do: {term}
    def encode(term, opts \\ []), do: {term, opts}
  end

  def undocumented, do: 1

  case System.get_env("WIRE") do
    "fast" -> def mode, do: :fast
    _ -> def mode, do: :safe
  end

  @spec mode :: atom
  if x, do: def(short, do: 1), else: def(short, do: 2)
  unless y, do: def(only, do: 1)

  cond do
    a > 1 -> def many(1), do: 1
    true -> def many(2), do: 2
  end

  if x do
    if y do
      def deep, do: 1
    end
  else
    def deep, do: 2
    defp hidden, do: 3
  end

  if x do
    def short(1), do: 1
  end

  if x do
    def short(2), do: 2
  end

  unless_loaded X do
    def macro_branch, do: 1
  else
    def macro_branch, do: 2
  end

  for x <- [1, 2] do
    @doc "Looped."
    def looped(unquote(x)), do: 1
  end

  def looped(_), do: 2

  with {:ok, x} <- y do
    def in_with, do: 1
  else
    :error -> def in_with, do: 2
    _ -> def in_with, do: 3
  end

  try do
    def tried, do: 1
  rescue
    _ -> def tried, do: 2
  end

  if x do
    @doc "Left for the next."
    @doc since: "1.0"
  else
    @doc "Of the other branch."
  end

  def takes, do: 1
end

defmodule Mixed do
  @doc "One function."
  def leap?(year) when is_integer(year), do: true
  defdelegate leap?(date), to: Date, as: :leap_year?
  defdelegate first(a \\ 1), to: List
  def first(a), do: a
  defp turned(1), do: 1
  @doc "Public in the end."
  def turned(2), do: 2

  def head(a, b \\ 1)
  def head(a, b), do: {a, b}
  def over(a), do: a
  def over(1, 2), do: 3
  defoverridable over: 1, over: 2
  @doc "Overrides."
  def over(a), do: super(a)
  def over(b), do: b
  defoverridable over: 1
  def over(c), do: c
end

if Code.ensure_loaded?(Plug) do
  defmodule Twice do
    def f, do: 1
  end
else
  defmodule Twice do
    def f, do: 2
  end
end
