defmodule Workbench.Heap do
  @moduledoc """
  A leftist heap: the ticket with the highest priority first, among equals the oldest.

  Merging follows the right spines, which are short by construction, so that insertion
  and removal take logarithmic time.
  """

  alias Workbench.Ticket

  @typep node_ :: nil | {rank :: pos_integer(), Ticket.t(), node_(), node_()}
  @opaque t :: %__MODULE__{root: node_(), size: non_neg_integer()}

  defstruct root: nil, size: 0

  @doc "Returns an empty heap."
  @spec new() :: t()
  def new, do: %__MODULE__{}

  @doc "Counts the tickets."
  @spec size(t()) :: non_neg_integer()
  def size(%__MODULE__{size: size}), do: size

  @doc """
  Adds a ticket.
  """
  @spec push(t(), Ticket.t()) :: t()
  def push(%__MODULE__{root: root, size: size}, ticket) do
    %__MODULE__{root: merge(root, {1, ticket, nil, nil}), size: size + 1}
  end

  @doc """
  Takes the ticket that is next, or answers `:empty`.
  """
  @spec pop(t()) :: {:ok, Ticket.t(), t()} | :empty
  def pop(%__MODULE__{root: nil}), do: :empty

  def pop(%__MODULE__{root: {_rank, ticket, left, right}, size: size}) do
    {:ok, ticket, %__MODULE__{root: merge(left, right), size: size - 1}}
  end

  defp merge(nil, heap), do: heap
  defp merge(heap, nil), do: heap

  defp merge({_, a, left, right} = first, {_, b, _, _} = second) do
    if before?(a, b),
      do: build(a, left, merge(right, second)),
      else: merge(second, first)
  end

  defp build(ticket, a, b) do
    if rank(a) >= rank(b),
      do: {rank(b) + 1, ticket, a, b},
      else: {rank(a) + 1, ticket, b, a}
  end

  defp rank(nil), do: 0
  defp rank({rank, _ticket, _left, _right}), do: rank

  defp before?(a, b), do: {-a.priority, a.id} <= {-b.priority, b.id}
end
