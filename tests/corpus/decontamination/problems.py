"""A small benchmark of our own, in the formats of others, for tests."""

import json
from pathlib import Path

SOLUTION = """\
defmodule Ferry.Tolls do
  @doc "Adds up what the boats of a harbour pay for the night."
  def total(boats, season) do
    boats
    |> Enum.reject(fn boat -> boat.moored_by == :owner end)
    |> Enum.map(fn boat -> price(boat, season) end)
    |> Enum.sum()
  end

  # Long boats pay for each metre above twelve.
  defp price(%{length: length}, season) when length > 12 do
    base(season) + 3 * (length - 12)
  end

  defp price(_boat, season), do: base(season)

  defp base(:summer), do: 20
  defp base(:winter), do: 8
  defp base(other), do: raise(ArgumentError, "no such season: #{inspect(other)}")
end
"""
RENAMED = """\
defmodule Zoo.Costs do
  def amount(beasts, epoch) do
    beasts
    |> Enum.reject(fn beast -> beast.owned_by == :keeper end)
    |> Enum.map(fn beast -> fee(beast, epoch) end)
    |> Enum.sum()
  end

  defp fee(%{weight: weight}, epoch) when weight > 12 do
    least(epoch) + 3 * (weight - 12)
  end

  defp fee(_beast, epoch), do: least(epoch)

  defp least(:spring), do: 20
  defp least(:autumn), do: 8
  defp least(else_), do: raise(ArgumentError, "no such epoch: #{inspect(else_)}")
end
"""
"""The solution with other names, and without comments and documentation."""
PROMPT = (
    "Write a module that adds up the tolls of all boats which spend the night in a harbour. Boats "
    "that their owner moored pay nothing, and boats above twelve metres pay three coins a metre."
)
TESTS = """\
defmodule Ferry.TollsTest do
  use ExUnit.Case

  test "boats of owners pay nothing and long boats pay more" do
    boats = [%{length: 14, moored_by: :guest}, %{length: 9, moored_by: :owner}]
    assert Ferry.Tolls.total(boats, :summer) == 26
    assert Ferry.Tolls.total([], :winter) == 0
    assert_raise ArgumentError, fn -> Ferry.Tolls.total(boats, :monsoon) end
  end
end
"""
TOLLS = {"id": "tolls", "prompt": PROMPT, "solution": SOLUTION, "tests": TESTS}


def lines(*rows: object) -> str:
    """Return rows as JSON lines."""
    return "".join(json.dumps(row) + "\n" for row in rows)


def harbour(folder: Path) -> str:
    """Write the benchmark, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "harbour.jsonl"
    path.write_text(lines(TOLLS))
    return str(path)
