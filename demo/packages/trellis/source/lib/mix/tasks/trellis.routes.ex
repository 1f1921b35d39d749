defmodule Mix.Tasks.Trellis.Routes do
  @shortdoc "Prints the routes of a router"

  @moduledoc """
  Prints the routes of a router, in the order in which they are tried.

      mix trellis.routes Shop.Router
  """

  use Mix.Task

  @requirements ["compile"]

  @impl Mix.Task
  def run([name]) do
    router = Module.concat([name])

    case Code.ensure_loaded(router) do
      {:module, _module} -> router.routes() |> table() |> Enum.each(&Mix.shell().info/1)
      {:error, _reason} -> Mix.raise("There is no module #{name}. Is its name complete?")
    end
  end

  def run(_arguments), do: Mix.raise("Usage: mix trellis.routes ROUTER")

  @doc """
  Lays the routes out in columns.
  """
  @spec table([tuple()]) :: [String.t()]
  def table(routes) do
    rows = for {method, path, module, action} <- routes, do: {method, path(path), module, action}

    width =
      rows |> Enum.map(fn {_, path, _, _} -> String.length(path) end) |> Enum.max(fn -> 0 end)

    for {method, path, module, action} <- rows do
      verb = method |> to_string() |> String.upcase() |> String.pad_trailing(6)
      "#{verb} #{String.pad_trailing(path, width)}  #{inspect(module)} #{inspect(action)}"
    end
  end

  defp path(segments) do
    "/" <>
      Enum.map_join(segments, "/", fn
        {:param, name} -> ":" <> name
        word -> word
      end)
  end
end
