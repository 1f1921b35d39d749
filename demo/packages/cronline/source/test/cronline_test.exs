defmodule CronlineTest do
  use ExUnit.Case, async: true

  alias Cronline.{Expression, Next, Scheduler}

  doctest Cronline.Expression
  doctest Cronline.Next

  defp parse!(text) do
    {:ok, expression} = Expression.parse(text)
    expression
  end

  test "steps may begin anywhere" do
    assert Enum.sort(parse!("5/20 * * * *").minute) == [5, 25, 45]
    assert Enum.sort(parse!("0 8-18/4 * * *").hour) == [8, 12, 16]
  end

  test "both day fields together mean either" do
    expression = parse!("0 0 1 * mon")
    assert Expression.day?(expression, ~D[2024-05-01])
    assert Expression.day?(expression, ~D[2024-05-06])
    refute Expression.day?(expression, ~D[2024-05-07])
  end

  test "what is wrong is said" do
    for {text, problem} <- [
          {"* * *", "an expression has 5 fields, this one has 3"},
          {"*/0 * * * *", "minute: a step of 0 leads nowhere"},
          {"x * * * *", ~s(minute: "x" is no number)},
          {"1/2/3 * * * *", ~s(minute: "1/2/3" has two steps)}
        ] do
      assert Expression.parse(text) == {:error, problem}
    end
  end

  test "the quick search agrees with trying every minute" do
    start = ~N[2024-02-27 22:10:00]

    for text <- ["*/7 3 * * *", "59 23 29 * *", "0 0 * * sun", "15 6 1 3 *"] do
      expression = parse!(text)

      slow =
        start
        |> Stream.iterate(&NaiveDateTime.add(&1, 60))
        |> Stream.drop(1)
        |> Enum.find(&Expression.match?(expression, &1))

      assert Next.next_after(expression, start) == {:ok, slow}
    end
  end

  test "a job that runs is not started again" do
    test = self()
    action = fn -> send(test, {:started, self()}) && receive(do: (:finish -> :ok)) end
    {:ok, scheduler} = Scheduler.start_link(jobs: [slow: {"0 0 1 1 *", action}])
    assert Scheduler.run(scheduler, :slow) == :ok
    assert_receive {:started, job}
    assert Scheduler.run(scheduler, :slow) == {:error, :running}
    send(job, :finish)
    assert Scheduler.run(scheduler, :other) == {:error, :unknown}
  end
end
