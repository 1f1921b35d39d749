defmodule Workbench.Ticket do
  @moduledoc """
  One job on its way through the queue.
  """

  @enforce_keys [:module, :arguments]
  defstruct [:id, :module, :arguments, priority: 0, attempts: 3, attempt: 0, delay: 0]

  @type id :: pos_integer()
  @type t :: %__MODULE__{
          id: id() | nil,
          module: module(),
          arguments: map(),
          priority: integer(),
          attempts: pos_integer(),
          attempt: non_neg_integer(),
          delay: non_neg_integer()
        }

  @doc """
  Builds a ticket; the number of attempts is the module's own unless given.
  """
  @spec new(module(), map(), keyword()) :: t()
  def new(module, arguments, options) do
    defaults = [attempts: module.__attempts__()]
    struct!(%__MODULE__{module: module, arguments: arguments}, Keyword.merge(defaults, options))
  end

  @doc """
  Counts an attempt that failed.

  Answers `{:again, ticket, milliseconds}` or `:exhausted`.
  """
  @spec fail(t()) :: {:again, t(), non_neg_integer()} | :exhausted
  def fail(%__MODULE__{attempt: attempt, attempts: attempts}) when attempt + 1 >= attempts,
    do: :exhausted

  def fail(%__MODULE__{attempt: attempt} = ticket) do
    {:again, %{ticket | attempt: attempt + 1}, ticket.module.backoff(attempt + 1)}
  end
end
