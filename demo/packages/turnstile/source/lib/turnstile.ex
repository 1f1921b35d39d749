defmodule Turnstile do
  @moduledoc """
  State machines that are written down as what they are.

      defmodule Gate do
        use Turnstile, initial: :locked

        state :locked do
          on :coin, to: :unlocked
          on :push, to: :locked
        end

        state :unlocked do
          on :push, to: :locked
        end
      end

      Gate.next(:locked, :coin)    #=> {:ok, :unlocked}
      Gate.next(:unlocked, :coin)  #=> {:error, {:no_transition, :unlocked, :coin}}

  Transitions to states that nobody declared are found when the module is compiled, and
  so are states that cannot be reached. `Turnstile.Machine` runs the declaration in a
  process, `Turnstile.Diagram` draws it.
  """

  @type state :: atom()
  @type event :: atom()

  @doc "Called after each transition; the default does nothing."
  @callback entered(state(), event(), data :: term()) :: data :: term()

  defmacro __using__(options) do
    quote do
      @behaviour Turnstile
      import Turnstile, only: [state: 1, state: 2]
      Module.register_attribute(__MODULE__, :turnstile_states, accumulate: true)
      Module.register_attribute(__MODULE__, :turnstile_transitions, accumulate: true)
      @turnstile_initial Keyword.fetch!(unquote(options), :initial)
      @before_compile Turnstile

      @impl Turnstile
      def entered(_state, _event, data), do: data
      defoverridable entered: 3
    end
  end

  @doc """
  Declares a state; the block holds its transitions. One without a block is final.
  """
  defmacro state(name, block \\ [do: nil])

  defmacro state(name, do: block) do
    transitions = for {:on, _, [event, options]} <- lines(block), do: {event, options[:to]}

    quote do
      @turnstile_states unquote(name)
      for {event, target} <- unquote(transitions) do
        @turnstile_transitions {unquote(name), event, target}
      end
    end
  end

  defmacro __before_compile__(environment) do
    module = environment.module
    initial = Module.get_attribute(module, :turnstile_initial)
    states = module |> Module.get_attribute(:turnstile_states) |> Enum.reverse()
    transitions = module |> Module.get_attribute(:turnstile_transitions) |> Enum.reverse()
    Turnstile.Check.run!(module, initial, states, transitions)

    quote do
      @doc "Returns the first state."
      def initial, do: unquote(initial)

      @doc "Lists the states in the order of their declaration."
      def states, do: unquote(states)

      @doc "Lists the transitions: from, event, to."
      def transitions, do: unquote(Macro.escape(transitions))

      @doc "Tells where an event leads."
      @spec next(Turnstile.state(), Turnstile.event()) ::
              {:ok, Turnstile.state()} | {:error, {:no_transition, atom(), atom()}}
      unquote_splicing(Enum.map(transitions, &clause/1))
      def next(state, event), do: {:error, {:no_transition, state, event}}
    end
  end

  defp clause({from, event, to}) do
    quote do: def(next(unquote(from), unquote(event)), do: {:ok, unquote(to)})
  end

  defp lines({:__block__, _, lines}), do: lines
  defp lines(nil), do: []
  defp lines(line), do: [line]
end
