defmodule PilotLog do
  @moduledoc """
  Entries of a log, the newest first.
  """

  @type entry :: {DateTime.t(), String.t()}

  @doc """
  Adds an entry to a log.
  """
  @spec add([entry()], DateTime.t(), String.t()) :: [entry()]
  def add(log, time, text), do: Enum.sort_by([{time, text} | log], &elem(&1, 0), {:desc, DateTime})
end
