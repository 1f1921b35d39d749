defmodule Workbench.HeapTest do
  use ExUnit.Case, async: true

  alias Workbench.{Heap, Ticket}

  defp ticket(id, priority),
    do: %Ticket{id: id, module: nil, arguments: %{}, priority: priority}

  defp drain(heap) do
    case Heap.pop(heap) do
      {:ok, ticket, heap} -> [ticket.id | drain(heap)]
      :empty -> []
    end
  end

  test "higher priorities come first, older tickets before newer ones" do
    heap =
      Enum.reduce([{1, 0}, {2, 5}, {3, 0}, {4, 9}, {5, 5}], Heap.new(), fn {id, priority}, heap ->
        Heap.push(heap, ticket(id, priority))
      end)

    assert Heap.size(heap) == 5
    assert drain(heap) == [4, 2, 5, 1, 3]
  end

  test "any order in gives the same order out" do
    tickets = for id <- 1..200, do: ticket(id, rem(id * 7919, 11))
    sorted = tickets |> Enum.sort_by(&{-&1.priority, &1.id}) |> Enum.map(& &1.id)

    for _ <- 1..20 do
      assert tickets |> Enum.shuffle() |> Enum.reduce(Heap.new(), &Heap.push(&2, &1)) |> drain() ==
               sorted
    end
  end
end
