defmodule Drossel.Application do
  @moduledoc false

  use Application

  @impl true
  def start(_type, _arguments) do
    for {name, options} <- Application.get_env(:drossel, :limits, []) do
      Drossel.define(name, options)
    end

    Drossel.Supervisor.start_link(
      sweep_every: Application.get_env(:drossel, :sweep_every, 60_000)
    )
  end
end

defmodule Drossel.Supervisor do
  @moduledoc """
  Owns the table and watches over the lanes and the sweeper.

  The table belongs to the supervisor itself: it survives the crash of any lane.
  """

  use Supervisor

  @doc "Starts the tree; `:sweep_every` goes to `Drossel.Sweeper`."
  def start_link(options), do: Supervisor.start_link(__MODULE__, options, name: __MODULE__)

  @impl true
  def init(options) do
    :ok = Drossel.Store.create_table()
    lanes = for lane <- Drossel.Store.lanes(), do: {Drossel.Store, lane}
    children = lanes ++ [{Drossel.Sweeper, every: options[:sweep_every]}]
    Supervisor.init(children, strategy: :one_for_one)
  end
end
