defmodule Pipewright.EnumOf do
  @moduledoc """
  Defines closed sets of atoms with numbers, as wire formats and databases have them.

      defmodule Status do
        use Pipewright.EnumOf, open: 1, paid: 2, sent: 5
      end

      Status.to_integer(:paid)    #=> 2
      Status.from_integer(5)      #=> {:ok, :sent}
      require Status
      Status.is_member(:open)     #=> true, also in guards

  All functions are compiled to clauses, so an unknown name is found by the compiler's
  type checks and costs nothing at run time.
  """

  defmacro __using__(members) do
    check_unique!(members)
    names = Keyword.keys(members)

    forwards = for {name, number} <- members, do: to_integer_clause(name, number)
    backwards = for {name, number} <- members, do: from_integer_clause(name, number)
    predicates = Enum.map(names, &predicate/1)

    quote do
      @type t :: unquote(union(names))

      @doc "Lists the members in the order of their definition."
      @spec members() :: [t()]
      def members, do: unquote(names)

      @doc "Holds for members; may stand in guards."
      defguard is_member(term) when term in unquote(names)

      @doc "Returns the number of a member."
      @spec to_integer(t()) :: integer()
      unquote_splicing(forwards)

      @doc "Returns the member with a number, or `:error`."
      @spec from_integer(integer()) :: {:ok, t()} | :error
      unquote_splicing(backwards)
      def from_integer(number) when is_integer(number), do: :error

      unquote_splicing(predicates)
    end
  end

  defp to_integer_clause(name, number) do
    quote do: def(to_integer(unquote(name)), do: unquote(number))
  end

  defp from_integer_clause(name, number) do
    quote do: def(from_integer(unquote(number)), do: {:ok, unquote(name)})
  end

  defp predicate(name) do
    quote do
      @doc unquote("Tells whether the member is `#{inspect(name)}`.")
      def unquote(:"#{name}?")(member), do: member == unquote(name)
    end
  end

  defp union(names), do: Enum.reduce(names, fn name, union -> {:|, [], [union, name]} end)

  defp check_unique!(members) do
    numbers = Keyword.values(members)
    twice = numbers -- Enum.uniq(numbers)
    if twice != [], do: raise(ArgumentError, "used twice: #{Enum.join(twice, ", ")}")
  end
end
