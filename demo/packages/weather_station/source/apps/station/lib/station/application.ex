defmodule Station.Application do
  @moduledoc """
  One process for each sensor, so that a broken one is restarted alone.
  """

  use Application

  @impl true
  def start(_type, _arguments) do
    sensors = Application.get_env(:station, :sensors, [])

    children =
      [{Registry, keys: :unique, name: Station.Sensors}, Station.Archive] ++
        for {place, every} <- sensors do
          Supervisor.child_spec({Station.Sensor, place: place, every: every}, id: place)
        end

    Supervisor.start_link(children, strategy: :one_for_one, max_restarts: 10)
  end
end
