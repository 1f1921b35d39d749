defmodule FerryBoard.Application do
  @moduledoc """
  Starts one board per pier, each restarted on its own.
  """

  use Application

  alias FerryBoard.{Board, Timetable}

  @impl Application
  def start(_type, _arguments) do
    piers = Application.get_env(:ferry_board, :piers, [])
    boards = for pier <- piers, do: {Board, pier: pier, timetable: Timetable.daily(pier)}
    registry = {Registry, keys: :unique, name: FerryBoard.Registry}
    Supervisor.start_link([registry | boards], strategy: :one_for_one, name: FerryBoard.Supervisor)
  end
end
