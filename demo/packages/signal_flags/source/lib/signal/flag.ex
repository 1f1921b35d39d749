defmodule Signal.Flag do
  @moduledoc """
  A feature flag: on or off for everybody, or by rules.

  Rules are asked in their order, and the first that has an opinion decides. If none has,
  the flag's default does.
  """

  alias Lantern.Rule

  @enforce_keys [:name]
  defstruct [:name, rules: [], default: false, description: ""]

  @type t :: %__MODULE__{
          name: atom(),
          rules: [Rule.t()],
          default: boolean(),
          description: String.t()
        }

  @doc """
  Builds a flag.

      iex> Signal.Flag.new(:dark_mode, default: true).default
      true
  """
  @spec new(atom(), keyword()) :: t()
  def new(name, options \\ []) when is_atom(name) do
    struct!(__MODULE__, Keyword.put(options, :name, name))
  end

  @doc """
  Tells whether the flag is on for a subject, a map of attributes with an `:id`.

      iex> flag = Signal.Flag.new(:beta, rules: [{:attribute, :plan, ["gold"]}])
      iex> Signal.Flag.on?(flag, %{id: 7, plan: "gold"})
      true
      iex> Signal.Flag.on?(flag, %{id: 8, plan: "free"})
      false
  """
  @spec on?(t(), map()) :: boolean()
  def on?(flag, subject), do: flag |> explain(subject) |> elem(0)

  @doc """
  Explains which rule decided, for support staff.
  """
  @spec explain(t(), map()) :: {boolean(), Rule.t() | :default}
  def explain(%__MODULE__{rules: rules} = flag, subject) do
    rules
    |> Enum.map(fn rule -> {Rule.decide(rule, flag.name, subject), rule} end)
    |> Enum.find({flag.default, :default}, fn {decision, _rule} -> decision != :undecided end)
  end
end
