defmodule Turnstile.Check do
  @moduledoc """
  Finds mistakes in a declaration before it ever runs.
  """

  @doc """
  Raises CompileError for transitions to unknown states, for two transitions of one state
  by the same event, and for states that no path reaches.
  """
  @spec run!(module(), atom(), [atom()], [{atom(), atom(), atom()}]) :: :ok
  def run!(module, initial, states, transitions) do
    with [] <- unknown([initial | for({_, _, to} <- transitions, do: to)], states),
         [] <- ambiguous(transitions),
         [] <- states -- reachable(initial, transitions) do
      :ok
    else
      problems -> raise CompileError, description: "#{inspect(module)}: #{describe(problems)}"
    end
  end

  @doc """
  Lists the states that can be reached, the first one included.

      iex> Turnstile.Check.reachable(:a, [{:a, :go, :b}, {:b, :go, :a}, {:c, :go, :a}])
      [:a, :b]
  """
  @spec reachable(atom(), [{atom(), atom(), atom()}]) :: [atom()]
  def reachable(initial, transitions), do: explore([initial], [], transitions)

  defp explore([], seen, _transitions), do: Enum.reverse(seen)

  defp explore([state | rest], seen, transitions) do
    if state in seen do
      explore(rest, seen, transitions)
    else
      targets = for {^state, _event, to} <- transitions, do: to
      explore(rest ++ targets, [state | seen], transitions)
    end
  end

  defp unknown(named, states), do: Enum.uniq(named) -- states

  defp ambiguous(transitions) do
    keys = for {from, event, _to} <- transitions, do: {from, event}
    Enum.uniq(keys -- Enum.uniq(keys))
  end

  defp describe([{_, _} | _] = keys) do
    "more than one transition for " <> Enum.map_join(keys, ", ", fn {s, e} -> "#{s} on #{e}" end)
  end

  defp describe(states), do: "not declared or never reached: #{Enum.join(states, ", ")}"
end
