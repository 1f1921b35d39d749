# mix run bench/next.exs: how long it takes to find rare moments.
for text <- ["* * * * *", "0 0 1 1 *", "30 4 29 2 *"] do
  {:ok, expression} = Cronline.Expression.parse(text)
  from = ~N[2024-03-01 00:00:00]

  {microseconds, _} =
    :timer.tc(fn ->
      for _ <- 1..1_000, do: Cronline.Next.next_after(expression, from)
    end)

  IO.puts("#{String.pad_trailing(text, 12)} #{div(microseconds, 1_000)} us")
end
