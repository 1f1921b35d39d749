defmodule CsvLane.Dialect do
  @moduledoc """
  What differs from one CSV to the next.
  """

  defstruct separator: ?,, trim: false

  @type t :: %__MODULE__{separator: byte(), trim: boolean()}

  @doc """
  Builds a dialect; an unknown option raises KeyError.
  """
  @spec new(keyword()) :: t()
  def new(options), do: struct!(__MODULE__, options)

  @doc """
  Guesses the separator from the first line: the candidate that occurs most often.

      iex> CsvLane.Dialect.guess("name;height;city\\nAda;1,64;London").separator
      ?;
  """
  @spec guess(String.t()) :: t()
  def guess(sample) do
    [line | _] = String.split(sample, "\n", parts: 2)
    count = fn separator -> line |> :binary.matches(<<separator>>) |> length() end
    new(separator: Enum.max_by([?,, ?;, ?\t, ?|], count))
  end
end

defmodule CsvLane.SyntaxError do
  @moduledoc """
  Raised for text that is no CSV.
  """

  defexception [:line, :problem]

  @impl true
  def message(%{line: line, problem: problem}), do: "line #{line}: #{problem}"
end
