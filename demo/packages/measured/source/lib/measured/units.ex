defmodule Measured.Units do
  @moduledoc """
  Defines units as functions.

      defmodule Kitchen do
        use Measured.Units

        unit :teaspoon, "tsp", 4.92892e-6, length: 3
        unit :cup, "cup", 2.36588e-4, length: 3
      end

      Kitchen.cup(2) |> Measured.to(Kitchen.teaspoon())

  The factor leads to the coherent SI unit of the same dimension.
  """

  alias Measured.{Dimension, Unit}

  defmacro __using__(_options) do
    quote do
      import Measured.Units, only: [unit: 4]
      Module.register_attribute(__MODULE__, :measured_units, accumulate: true)
      @before_compile Measured.Units
    end
  end

  @doc """
  Defines the functions `NAME/0`, the unit itself, and `NAME/1`, a quantity of it.
  """
  defmacro unit(name, symbol, factor, dimension) do
    quote bind_quoted: [name: name, symbol: symbol, factor: factor, dimension: dimension] do
      value = Macro.escape(Measured.Units.build(symbol, factor, dimension))
      @measured_units {symbol, name}

      @doc "Returns the unit #{name} (#{symbol})."
      @spec unquote(name)() :: Measured.Unit.t()
      def unquote(name)(), do: unquote(value)

      @doc "Returns a quantity in #{name} (#{symbol})."
      @spec unquote(name)(number()) :: Measured.t()
      def unquote(name)(amount), do: Measured.new(amount, unquote(value))
    end
  end

  defmacro __before_compile__(environment) do
    units = Module.get_attribute(environment.module, :measured_units)
    clauses = for {symbol, name} <- units, do: symbol_clause(symbol, name)

    quote do
      @doc "Finds a unit by its symbol."
      @spec by_symbol(String.t()) :: {:ok, Measured.Unit.t()} | :error
      unquote_splicing(clauses)
      def by_symbol(_symbol), do: :error
    end
  end

  @doc false
  def build(symbol, factor, dimension) do
    %Unit{symbol: symbol, factor: factor, dimension: Dimension.new(dimension)}
  end

  defp symbol_clause(symbol, name) do
    quote do: def(by_symbol(unquote(symbol)), do: {:ok, unquote(name)()})
  end
end
