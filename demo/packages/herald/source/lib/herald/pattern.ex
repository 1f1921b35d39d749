defmodule Herald.Pattern do
  @moduledoc """
  Compiled topic patterns.
  """

  @enforce_keys [:source, :words]
  defstruct [:source, :words]

  @type word :: String.t() | :one | :rest
  @type t :: %__MODULE__{source: String.t(), words: [word()]}

  @doc """
  Compiles a pattern.

      iex> Herald.Pattern.compile("order.*.paid").words
      ["order", :one, "paid"]

      iex> Herald.Pattern.compile("order.#.paid")
      ** (ArgumentError) # may only stand at the end, in "order.#.paid"
  """
  @spec compile(String.t()) :: t()
  def compile(source) do
    compiled = source |> words() |> Enum.map(&word/1)

    if :rest in Enum.drop(compiled, -1) do
      raise ArgumentError, "# may only stand at the end, in #{inspect(source)}"
    end

    %__MODULE__{source: source, words: compiled}
  end

  @doc """
  Splits a topic into its words.

      iex> Herald.Pattern.words("order.17.paid")
      ["order", "17", "paid"]
  """
  @spec words(String.t()) :: [String.t()]
  def words(topic), do: String.split(topic, ".")

  @doc """
  Tells whether the words of a topic match.

      iex> import Herald.Pattern, only: [compile: 1]
      iex> Herald.Pattern.match?(compile("order.#"), ["order", "17", "paid"])
      true
      iex> Herald.Pattern.match?(compile("order.*"), ["order", "17", "paid"])
      false
  """
  @spec match?(t(), [String.t()]) :: boolean()
  def match?(%__MODULE__{words: pattern}, words), do: matching?(pattern, words)

  defp matching?([:rest], _words), do: true
  defp matching?([:one | pattern], [_word | words]), do: matching?(pattern, words)
  defp matching?([word | pattern], [word | words]), do: matching?(pattern, words)
  defp matching?([], []), do: true
  defp matching?(_pattern, _words), do: false

  defp word("*"), do: :one
  defp word("#"), do: :rest
  defp word(text), do: text
end
