defmodule Herald.Application do
  @moduledoc """
  Starts the registries and the supervisors for handlers and tasks.
  """

  use Application

  @impl Application
  def start(_type, _arguments) do
    children = [
      {Registry, keys: :duplicate, name: Herald.Registry},
      {Registry, keys: :unique, name: Herald.Names},
      {DynamicSupervisor, name: Herald.HandlerSupervisor, strategy: :one_for_one},
      {Task.Supervisor, name: Herald.TaskSupervisor}
    ]

    Supervisor.start_link(children, strategy: :rest_for_one, name: Herald.Supervisor)
  end
end
