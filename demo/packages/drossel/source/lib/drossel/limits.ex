defmodule Drossel.Limits do
  @moduledoc """
  The defined limits, kept where every process can read them without asking another one.

  Limits are read on each request and written almost never, which is what
  `:persistent_term` is made for.
  """

  alias Drossel.Bucket.Shape

  @doc """
  Stores the shape of the limit `name`.
  """
  @spec put(Drossel.name(), Shape.t()) :: :ok
  def put(name, %Shape{} = shape), do: :persistent_term.put({__MODULE__, name}, shape)

  @doc """
  Returns the shape of the limit `name`, or raises `Drossel.UnknownLimitError`.
  """
  @spec fetch!(Drossel.name()) :: Shape.t()
  def fetch!(name) do
    case :persistent_term.get({__MODULE__, name}, nil) do
      nil -> raise Drossel.UnknownLimitError, name: name
      shape -> shape
    end
  end
end

defmodule Drossel.UnknownLimitError do
  @moduledoc """
  Raised when a limit is used that was never defined.
  """

  defexception [:name]

  @impl true
  def message(%{name: name}) do
    "there is no limit #{inspect(name)}; define it with Drossel.define/2 or in the configuration"
  end
end
