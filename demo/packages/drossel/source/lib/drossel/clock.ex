defmodule Drossel.Clock do
  @moduledoc """
  Where the time comes from; a test may put another module in its place.
  """

  @doc "Returns milliseconds that never run backwards."
  @callback now() :: integer()

  @doc """
  Asks the configured clock, `Drossel.Clock.Monotonic` unless told otherwise.
  """
  @spec now() :: integer()
  def now, do: Application.get_env(:drossel, :clock, __MODULE__.Monotonic).now()
end

defmodule Drossel.Clock.Monotonic do
  @moduledoc """
  The clock of the virtual machine.
  """

  @behaviour Drossel.Clock

  @impl Drossel.Clock
  def now, do: System.monotonic_time(:millisecond)
end
