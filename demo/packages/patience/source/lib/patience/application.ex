defmodule Patience.Application do
  @moduledoc false

  use Application

  @impl true
  def start(_type, _arguments) do
    Supervisor.start_link([{Task.Supervisor, name: Patience.Tasks}], strategy: :one_for_one)
  end
end
