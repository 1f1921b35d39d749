defprotocol Mergekind do
  @moduledoc """
  Data of which several replicas exist and change on their own.

  Merging is commutative, associative and idempotent, so it does not matter in which order
  replicas meet or how often: in the end they agree.
  """

  @doc "Unites two replicas."
  @spec merge(t(), t()) :: t()
  def merge(a, b)

  @doc "Returns what users of the data see."
  @spec value(t()) :: term()
  def value(replica)
end
